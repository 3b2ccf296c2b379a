-- The animal-days of the drawn rows' windows. This is the only step that reads what animals did, and its join ends the lag
-- before the index day: nothing later can reach an exposure, whatever is asked. A day's release and confidence are those of
-- the tracklets that were claimed for the animal.
WITH claimed AS (
    SELECT
        i.animal_id,
        t.day,
        t.release_id,
        sum(epoch_us(t.ended_at) - epoch_us(t.started_at))::BIGINT AS microseconds,
        sum((epoch_us(t.ended_at) - epoch_us(t.started_at)) * CAST(round(i.confidence * 1000) AS BIGINT))::HUGEINT AS sure
    FROM tracklet AS t
    JOIN identity AS i USING (farm_id, device_id, day, load_id, tracklet_id)
    SEMI JOIN study_member AS m ON m.animal_id = i.animal_id
    WHERE
        i.identified
        AND t.day BETWEEN $since::DATE - ($lag_days::INTEGER + $window_days::INTEGER) AND $until::DATE
    GROUP BY i.animal_id, t.day, t.release_id
),
by_day AS (
    SELECT
        animal_id,
        day,
        round(sum(sure)::DOUBLE / nullif(sum(microseconds), 0)) / 1000 AS confidence,
        map_from_entries(list((release_id, microseconds) ORDER BY release_id)) AS releases
    FROM claimed
    GROUP BY animal_id, day
)
SELECT m.set_id, m.is_case, m.index_day, d.*, c.confidence, c.releases
FROM study_member AS m
JOIN animal_day AS d
    ON d.animal_id = m.animal_id
    AND d.day BETWEEN m.index_day - ($lag_days::INTEGER + $window_days::INTEGER - 1) AND m.index_day - $lag_days::INTEGER
JOIN by_day AS c ON c.animal_id = d.animal_id AND c.day = d.day
WHERE d.day BETWEEN $since::DATE - ($lag_days::INTEGER + $window_days::INTEGER) AND $until::DATE
ORDER BY m.set_id, m.animal_id, d.day
