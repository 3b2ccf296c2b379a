-- When each device changed its model, as its own rows say it. A stretch is what one release made of one camera without
-- another in between; where a day's only release saw no animal, it counts as long as the camera was on. Cameras change
-- one after the other, each at the end of a clip: neighbouring changes of a device that say the same are one.
CREATE OR REPLACE VIEW model_change AS
WITH used AS (
    SELECT
        farm_id, device_id, day, load_id, release_id, engine, space_id, ethogram_id,
        count(*) OVER (PARTITION BY load_id) = 1 AS alone
    FROM model_release
),
tracked AS (
    SELECT
        u.farm_id, u.device_id, u.day, u.load_id, t.camera_id, u.release_id,
        min(t.started_at) AS started_at,
        max(t.ended_at) AS ended_at
    FROM used AS u
    JOIN tracklet AS t USING (farm_id, device_id, day, load_id, release_id)
    GROUP BY
        u.farm_id, u.device_id, u.day, u.load_id, t.camera_id, u.release_id,
        CASE WHEN NOT u.alone THEN t.tracklet_id END
),
watched AS (
    SELECT load_id, camera_id, min(started_at) AS started_at, max(ended_at) AS ended_at
    FROM coverage
    WHERE state <> 'off'
    GROUP BY load_id, camera_id
),
made AS (
    SELECT farm_id, device_id, day, camera_id, release_id, started_at, ended_at FROM tracked
    UNION ALL
    SELECT u.farm_id, u.device_id, u.day, w.camera_id, u.release_id, w.started_at, w.ended_at
    FROM used AS u
    JOIN watched AS w USING (load_id)
    ANTI JOIN tracked AS t ON t.load_id = u.load_id AND t.camera_id = w.camera_id
    WHERE u.alone
),
marked AS (
    SELECT *, lag(release_id) OVER sofar IS DISTINCT FROM release_id AS begins
    FROM made
    WINDOW sofar AS (PARTITION BY device_id, camera_id ORDER BY started_at, ended_at, release_id)
),
numbered AS (
    SELECT *, sum(begins::INTEGER) OVER sofar AS stretch
    FROM marked
    WINDOW sofar AS (
        PARTITION BY device_id, camera_id ORDER BY started_at, ended_at, release_id ROWS UNBOUNDED PRECEDING
    )
),
stretched AS (
    SELECT
        device_id,
        camera_id,
        stretch,
        any_value(release_id) AS release_id,
        arg_min(farm_id, started_at) AS farm_id,
        arg_min(day, started_at) AS day,
        min(started_at) AS first_at,
        max(ended_at) AS last_at
    FROM numbered
    GROUP BY device_id, camera_id, stretch
),
switched AS (
    SELECT
        farm_id,
        device_id,
        camera_id,
        day,
        lag(release_id) OVER before AS from_release_id,
        release_id AS to_release_id,
        lag(last_at) OVER before AS last_from_at,
        first_at AS first_to_at
    FROM stretched
    WINDOW before AS (PARTITION BY device_id, camera_id ORDER BY stretch)
    QUALIFY from_release_id IS NOT NULL
),
compared AS (
    SELECT
        *,
        (lag(from_release_id) OVER sofar, lag(to_release_id) OVER sofar)
            IS DISTINCT FROM (from_release_id, to_release_id) AS begins
    FROM switched
    WINDOW sofar AS (PARTITION BY device_id ORDER BY first_to_at, camera_id)
),
counted AS (
    SELECT *, sum(begins::INTEGER) OVER sofar AS change
    FROM compared
    WINDOW sofar AS (PARTITION BY device_id ORDER BY first_to_at, camera_id ROWS UNBOUNDED PRECEDING)
),
changed AS (
    SELECT
        arg_min(farm_id, first_to_at) AS farm_id,
        device_id,
        arg_min(day, first_to_at) AS day,
        any_value(from_release_id) AS from_release_id,
        any_value(to_release_id) AS to_release_id,
        max(last_from_at) AS last_from_at,
        min(first_to_at) AS first_to_at,
        list(DISTINCT camera_id ORDER BY camera_id) AS cameras
    FROM counted
    GROUP BY device_id, change
),
said AS (
    SELECT release_id, any_value(engine) AS engine, any_value(space_id) AS space_id, any_value(ethogram_id) AS ethogram_id
    FROM used
    GROUP BY release_id
)
SELECT
    c.* EXCLUDE (cameras),
    greatest(seconds_between(c.last_from_at, c.first_to_at), 0) AS silent_s,
    c.cameras,
    f.engine AS from_engine,
    t.engine AS to_engine,
    f.space_id AS from_space_id,
    t.space_id AS to_space_id,
    f.ethogram_id AS from_ethogram_id,
    t.ethogram_id AS to_ethogram_id
FROM changed AS c
JOIN said AS f ON f.release_id = c.from_release_id
JOIN said AS t ON t.release_id = c.to_release_id;
