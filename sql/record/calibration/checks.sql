-- check: one_row_per_calibration severity: fail
-- A load gives a calibration of a camera twice.
SELECT load_id, camera_id, calibration_id
FROM calibration
WHERE day >= getvariable('first_day')
GROUP BY ALL
HAVING count(*) > 1;

-- check: no_overlap severity: warn
-- Two calibrations of one camera hold at the same time.
SELECT load_id, camera_id, calibration_id, valid_from
FROM calibration
WHERE day >= getvariable('first_day')
QUALIFY valid_from < max(coalesce(valid_to, 'infinity')) OVER (
    PARTITION BY load_id, camera_id ORDER BY valid_from, calibration_id
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
);
