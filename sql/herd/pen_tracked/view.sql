-- How many animals of a pen were tracked at each instant. Cameras that overlap see the same animals: the largest count
-- among them holds. A camera declared disjoint from every other camera of its pen, all day, adds its own count.
-- What is used twice is not kept in between: a filter on farm or day would not go down to the tracklets.
CREATE OR REPLACE VIEW pen_tracked AS
WITH seen AS (
    SELECT t.farm_id, s.pen_id, t.day, t.camera_id, t.started_at, t.ended_at, d.starts_at, d.ends_at
    FROM tracklet AS t
    JOIN camera_setup AS s USING (farm_id, device_id, day, load_id, camera_id)
    JOIN device_day AS d USING (farm_id, device_id, day, load_id)
    WHERE t.ended_at > t.started_at
),
change AS NOT MATERIALIZED (
    SELECT farm_id, pen_id, day, camera_id, moment, sum(step) AS step
    FROM (
        SELECT farm_id, pen_id, day, camera_id, started_at AS moment, 1 AS step FROM seen
        UNION ALL
        SELECT farm_id, pen_id, day, camera_id, ended_at AS moment, -1 AS step FROM seen
    )
    GROUP BY farm_id, pen_id, day, camera_id, moment
),
watcher AS NOT MATERIALIZED (
    SELECT farm_id, pen_id, day, camera_id, min(starts_at) AS starts_at, max(ends_at) AS ends_at
    FROM seen
    GROUP BY farm_id, pen_id, day, camera_id
),
declared AS (
    SELECT camera_id, unnest(disjoint_from) AS other, valid_from, coalesce(valid_to, 'infinity') AS valid_to FROM camera
),
apart AS (
    SELECT camera_id, other, valid_from, valid_to FROM declared
    UNION ALL
    SELECT other AS camera_id, camera_id AS other, valid_from, valid_to FROM declared
),
overlapping AS (
    SELECT DISTINCT a.farm_id, a.pen_id, a.day, a.camera_id
    FROM watcher AS a
    JOIN watcher AS b
        ON a.farm_id = b.farm_id AND a.pen_id = b.pen_id AND a.day = b.day AND a.camera_id <> b.camera_id
    ANTI JOIN apart
        ON apart.camera_id = a.camera_id AND apart.other = b.camera_id
        AND apart.valid_from <= a.starts_at AND apart.valid_to >= a.ends_at
),
count_by_camera AS (
    SELECT
        m.farm_id,
        m.pen_id,
        m.day,
        m.moment,
        w.camera_id,
        o.camera_id IS NOT NULL AS shared,
        sum(coalesce(c.step, 0)) OVER (
            PARTITION BY m.farm_id, m.pen_id, m.day, w.camera_id ORDER BY m.moment
        ) AS animals
    FROM (SELECT DISTINCT farm_id, pen_id, day, moment FROM change) AS m
    JOIN watcher AS w USING (farm_id, pen_id, day)
    LEFT JOIN change AS c USING (farm_id, pen_id, day, camera_id, moment)
    LEFT JOIN overlapping AS o USING (farm_id, pen_id, day, camera_id)
),
counted AS (
    SELECT
        farm_id,
        pen_id,
        day,
        moment,
        coalesce(sum(animals) FILTER (NOT shared), 0) + coalesce(max(animals) FILTER (shared), 0) AS animals
    FROM count_by_camera
    GROUP BY farm_id, pen_id, day, moment
)
SELECT farm_id, pen_id, day, started_at, ended_at, animals::INTEGER AS animals
FROM (
    SELECT *, moment AS started_at, lead(moment) OVER (PARTITION BY farm_id, pen_id, day ORDER BY moment) AS ended_at
    FROM counted
)
WHERE animals > 0;
