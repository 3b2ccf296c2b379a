-- check: one_row_per_load severity: fail
-- A reading is there more than once, or under the name of a device's own load.
SELECT load_id, count(*) AS times
FROM (SELECT load_id FROM record.reading UNION ALL SELECT load_id FROM record.device_day)
WHERE load_id IN (SELECT load_id FROM record.reading)
GROUP BY load_id
HAVING count(*) > 1;

-- check: rows_as_promised severity: fail
-- A current reading does not have the rows that it promises.
SELECT load_id, kind, promised, coalesce(found, 0) AS found
FROM (
    SELECT load_id, 'coverage' AS kind, coverage_rows AS promised FROM reading WHERE day >= getvariable('first_day')
    UNION ALL
    SELECT load_id, 'tracklet' AS kind, tracklet_rows AS promised FROM reading WHERE day >= getvariable('first_day')
    UNION ALL
    SELECT load_id, 'bout' AS kind, bout_rows AS promised FROM reading WHERE day >= getvariable('first_day')
    UNION ALL
    SELECT load_id, 'embedding' AS kind, embedding_rows AS promised FROM reading WHERE day >= getvariable('first_day')
    UNION ALL
    SELECT load_id, 'activity' AS kind, activity_rows AS promised FROM reading WHERE day >= getvariable('first_day')
)
LEFT JOIN (
    SELECT load_id, 'coverage' AS kind, count(*) AS found FROM record.coverage SEMI JOIN reading USING (load_id) GROUP BY load_id
    UNION ALL
    SELECT load_id, 'tracklet' AS kind, count(*) AS found FROM record.tracklet SEMI JOIN reading USING (load_id) GROUP BY load_id
    UNION ALL
    SELECT load_id, 'bout' AS kind, count(*) AS found FROM record.bout SEMI JOIN reading USING (load_id) GROUP BY load_id
    UNION ALL
    SELECT load_id, 'embedding' AS kind, count(*) AS found FROM record.embedding SEMI JOIN reading USING (load_id) GROUP BY load_id
    UNION ALL
    SELECT load_id, 'activity' AS kind, count(*) AS found FROM record.activity SEMI JOIN reading USING (load_id) GROUP BY load_id
) USING (load_id, kind)
WHERE coalesce(found, 0) <> promised;

-- check: made_by_its_release severity: fail
-- A row of a reading was made by another release.
SELECT r.load_id, r.release_id, t.release_id AS found
FROM reading AS r
JOIN record.tracklet AS t USING (load_id)
WHERE r.day >= getvariable('first_day') AND t.release_id <> r.release_id;
