-- When an animal was identified: the union of its tracklets' time over all cameras, as intervals that do not overlap.
CREATE OR REPLACE VIEW animal_seen AS
WITH own AS (
    SELECT t.farm_id, i.animal_id, t.day, s.pen_id, t.started_at, t.ended_at
    FROM tracklet AS t
    JOIN identity AS i USING (farm_id, device_id, day, load_id, tracklet_id)
    -- Outer, though every tracklet has a camera: inner joins are put in another order, where each claim meets every camera.
    LEFT JOIN camera_setup AS s USING (farm_id, device_id, day, load_id, camera_id)
    WHERE i.identified AND t.ended_at > t.started_at
),
marked AS (
    SELECT *, coalesce(started_at > max(ended_at) OVER earlier, true) AS begins
    FROM own
    WINDOW earlier AS (
        PARTITION BY farm_id, animal_id, day ORDER BY started_at, ended_at
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),
numbered AS (
    SELECT *, sum(begins::INTEGER) OVER sofar AS island
    FROM marked
    WINDOW sofar AS (PARTITION BY farm_id, animal_id, day ORDER BY started_at, ended_at ROWS UNBOUNDED PRECEDING)
)
SELECT
    farm_id,
    animal_id,
    day,
    min(started_at) AS started_at,
    max(ended_at) AS ended_at,
    seconds_between(min(started_at), max(ended_at)) AS seconds,
    arg_min(pen_id, started_at) AS pen_id
FROM numbered
GROUP BY farm_id, animal_id, day, island;
