-- check: a_day_at_most severity: fail
-- An animal was identified for more seconds than a day has.
SELECT farm_id, animal_id, day, sum(seconds) AS identified_s
FROM animal_seen
WHERE day >= getvariable('first_day')
GROUP BY ALL
HAVING sum(seconds) > 25 * 3600;

-- check: in_a_known_pen severity: warn
-- An animal was identified on a day on which no pen stay is known: it has no denominators.
SELECT DISTINCT s.farm_id, s.animal_id, s.day
FROM animal_seen AS s
ANTI JOIN animal_presence AS p USING (farm_id, animal_id, day)
WHERE s.day >= getvariable('first_day');
