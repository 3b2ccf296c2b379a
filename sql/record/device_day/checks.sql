-- check: one_row_per_load severity: fail
-- A load is there more than once.
SELECT load_id, count(*) AS times
FROM record.device_day
GROUP BY load_id
HAVING count(*) > 1;

-- check: a_local_day severity: fail
-- A day does not last 22 to 26 hours.
SELECT load_id, starts_at, ends_at
FROM record.device_day
WHERE seconds_between(starts_at, ends_at) NOT BETWEEN 22 * 3600 AND 26 * 3600;

-- check: rows_as_promised severity: fail
-- A current load does not have the rows its device_day row promises.
SELECT load_id, kind, promised, coalesce(found, 0) AS found
FROM (
    SELECT load_id, 'coverage' AS kind, coverage_rows AS promised FROM device_day WHERE day >= getvariable('first_day')
    UNION ALL
    SELECT load_id, 'tracklet' AS kind, tracklet_rows AS promised FROM device_day WHERE day >= getvariable('first_day')
    UNION ALL
    SELECT load_id, 'bout' AS kind, bout_rows AS promised FROM device_day WHERE day >= getvariable('first_day')
    UNION ALL
    SELECT load_id, 'embedding' AS kind, embedding_rows AS promised FROM device_day WHERE day >= getvariable('first_day')
    UNION ALL
    SELECT load_id, 'activity' AS kind, activity_rows AS promised FROM device_day WHERE day >= getvariable('first_day')
)
LEFT JOIN (
    SELECT load_id, 'coverage' AS kind, count(*) AS found FROM coverage WHERE day >= getvariable('first_day') GROUP BY load_id
    UNION ALL
    SELECT load_id, 'tracklet' AS kind, count(*) AS found FROM tracklet WHERE day >= getvariable('first_day') GROUP BY load_id
    UNION ALL
    SELECT load_id, 'bout' AS kind, count(*) AS found FROM bout WHERE day >= getvariable('first_day') GROUP BY load_id
    UNION ALL
    SELECT load_id, 'embedding' AS kind, count(*) AS found FROM embedding WHERE day >= getvariable('first_day') GROUP BY load_id
    UNION ALL
    SELECT load_id, 'activity' AS kind, count(*) AS found FROM activity WHERE day >= getvariable('first_day') GROUP BY load_id
) USING (load_id, kind)
WHERE coalesce(found, 0) <> promised;
