-- check: one_row_per_behaviour severity: warn
-- A version of an ethogram lists a behaviour twice.
SELECT ethogram_id, version, behaviour
FROM record.ethogram
GROUP BY ALL
HAVING count(*) > 1;
