-- check: one_row_per_release severity: fail
-- A load names a release twice.
SELECT load_id, release_id
FROM model_release
WHERE day >= getvariable('first_day')
GROUP BY ALL
HAVING count(*) > 1;

-- check: a_release_is_one_thing severity: fail
-- One release_id stands for different engines, spaces or ethograms.
SELECT release_id
FROM record.model_release
GROUP BY release_id
HAVING count(DISTINCT (engine, space_id, dimensions, ethogram_id)) > 1;

-- check: ethogram_known severity: fail
-- A release uses an ethogram that the lake does not hold.
SELECT DISTINCT release_id, ethogram_id
FROM model_release
ANTI JOIN ethogram USING (ethogram_id)
WHERE day >= getvariable('first_day');
