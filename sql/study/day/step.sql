-- The animal-days of the drawn rows' windows. This is the only step that reads what animals did, and windows end the lag
-- before the index day: nothing later can reach an exposure, whatever is asked. A day's release and confidence are those of
-- the tracklets that were claimed for the animal. Claims are narrowed to the windows' days first: a herd's years hold many
-- times more. Days between two dates are asked of each view besides, so that the lake reads those partitions alone.
WITH looked AS (
    SELECT
        set_id,
        animal_id,
        is_case,
        index_day,
        index_day - ($lag_days::INTEGER + $window_days::INTEGER - 1) AS from_day,
        index_day - $lag_days::INTEGER AS to_day
    FROM study_member
),
looked_day AS (
    SELECT DISTINCT animal_id, unnest(generate_series(from_day, to_day, INTERVAL 1 DAY))::DATE AS day FROM looked
),
claimed AS (
    SELECT i.*
    FROM identity AS i
    SEMI JOIN looked_day AS l ON l.animal_id = i.animal_id AND l.day = i.day
    WHERE i.identified AND i.day BETWEEN $since::DATE - ($lag_days::INTEGER + $window_days::INTEGER) AND $until::DATE
),
seen_by AS (
    SELECT
        c.animal_id,
        t.day,
        t.release_id,
        sum(epoch_us(t.ended_at) - epoch_us(t.started_at))::BIGINT AS microseconds,
        sum((epoch_us(t.ended_at) - epoch_us(t.started_at)) * CAST(round(c.confidence * 1000) AS BIGINT))::HUGEINT AS sure
    FROM tracklet AS t
    JOIN claimed AS c USING (farm_id, device_id, day, load_id, tracklet_id)
    WHERE t.day BETWEEN $since::DATE - ($lag_days::INTEGER + $window_days::INTEGER) AND $until::DATE
    GROUP BY c.animal_id, t.day, t.release_id
),
by_day AS (
    SELECT
        animal_id,
        day,
        round(sum(sure)::DOUBLE / nullif(sum(microseconds), 0)) / 1000 AS confidence,
        map_from_entries(list((release_id, microseconds) ORDER BY release_id)) AS releases
    FROM seen_by
    GROUP BY animal_id, day
)
SELECT l.set_id, l.is_case, l.index_day, d.*, b.confidence, b.releases
FROM looked AS l
JOIN animal_day AS d ON d.animal_id = l.animal_id AND d.day BETWEEN l.from_day AND l.to_day
JOIN by_day AS b ON b.animal_id = d.animal_id AND b.day = d.day
WHERE d.day BETWEEN $since::DATE - ($lag_days::INTEGER + $window_days::INTEGER) AND $until::DATE
ORDER BY l.set_id, l.animal_id, d.day
