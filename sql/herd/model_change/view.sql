-- When each device changed its model, as its own rows say it. A stretch is what one release made without another in
-- between; a day whose only release saw no animal counts as long as its cameras were on.
CREATE OR REPLACE VIEW model_change AS
WITH used AS (
    SELECT
        farm_id, device_id, day, load_id, release_id, engine, space_id, ethogram_id,
        count(*) OVER (PARTITION BY load_id) = 1 AS alone
    FROM model_release
),
tracked AS (
    SELECT
        u.farm_id, u.device_id, u.day, u.load_id, u.release_id,
        min(t.started_at) AS started_at,
        max(t.ended_at) AS ended_at
    FROM used AS u
    JOIN tracklet AS t USING (farm_id, device_id, day, load_id, release_id)
    GROUP BY u.farm_id, u.device_id, u.day, u.load_id, u.release_id, CASE WHEN NOT u.alone THEN t.tracklet_id END
),
watched AS (
    SELECT load_id, min(started_at) AS started_at, max(ended_at) AS ended_at
    FROM coverage
    WHERE state <> 'off'
    GROUP BY load_id
),
made AS (
    SELECT farm_id, device_id, day, release_id, started_at, ended_at FROM tracked
    UNION ALL
    SELECT
        u.farm_id, u.device_id, u.day, u.release_id,
        coalesce(w.started_at, d.starts_at) AS started_at,
        coalesce(w.ended_at, d.ends_at) AS ended_at
    FROM used AS u
    JOIN device_day AS d USING (device_id, day, load_id)
    LEFT JOIN watched AS w USING (load_id)
    ANTI JOIN tracked AS t USING (load_id)
    WHERE u.alone
),
marked AS (
    SELECT *, lag(release_id) OVER sofar IS DISTINCT FROM release_id AS begins
    FROM made
    WINDOW sofar AS (PARTITION BY device_id ORDER BY started_at, ended_at, release_id)
),
numbered AS (
    SELECT *, sum(begins::INTEGER) OVER sofar AS stretch
    FROM marked
    WINDOW sofar AS (
        PARTITION BY device_id ORDER BY started_at, ended_at, release_id ROWS UNBOUNDED PRECEDING
    )
),
stretched AS (
    SELECT
        device_id,
        stretch,
        any_value(release_id) AS release_id,
        arg_min(farm_id, started_at) AS farm_id,
        arg_min(day, started_at) AS day,
        min(started_at) AS first_at,
        max(ended_at) AS last_at
    FROM numbered
    GROUP BY device_id, stretch
),
said AS (
    SELECT release_id, any_value(engine) AS engine, any_value(space_id) AS space_id, any_value(ethogram_id) AS ethogram_id
    FROM used
    GROUP BY release_id
),
switched AS (
    SELECT
        farm_id,
        device_id,
        day,
        lag(release_id) OVER (PARTITION BY device_id ORDER BY stretch) AS from_release_id,
        release_id AS to_release_id,
        lag(last_at) OVER (PARTITION BY device_id ORDER BY stretch) AS last_from_at,
        first_at AS first_to_at
    FROM stretched
)
SELECT
    s.*,
    greatest(seconds_between(s.last_from_at, s.first_to_at), 0) AS silent_s,
    f.engine AS from_engine,
    t.engine AS to_engine,
    f.space_id AS from_space_id,
    t.space_id AS to_space_id,
    f.ethogram_id AS from_ethogram_id,
    t.ethogram_id AS to_ethogram_id
FROM switched AS s
JOIN said AS f ON f.release_id = s.from_release_id
JOIN said AS t ON t.release_id = s.to_release_id;
