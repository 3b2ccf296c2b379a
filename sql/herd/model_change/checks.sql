-- check: models_settle severity: warn
-- A device changed its model more than four times in a day.
SELECT device_id, day, count(*) AS changes
FROM model_change
WHERE day >= getvariable('first_day')
GROUP BY device_id, day
HAVING count(*) > 4;
