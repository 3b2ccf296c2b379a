-- check: no_overlap severity: fail
-- An animal does two things at once.
SELECT farm_id, animal_id, day, started_at, ended_at
FROM animal_timeline
WHERE day >= getvariable('first_day')
QUALIFY started_at < max(ended_at) OVER (
    PARTITION BY farm_id, animal_id, day ORDER BY started_at, ended_at
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
);
