-- Which animal each tracklet of the first day is, by the simulator's truth: the animal whose box it covers in most frames.
WITH pair AS (
    SELECT
        s.tracklet_id,
        t.tracklet_id AS animal_id,
        s.clip,
        s.frame,
        greatest(0, least(s.x + s.width, t.x + t.width) - greatest(s.x, t.x))
        * greatest(0, least(s.y + s.height, t.y + t.height) - greatest(s.y, t.y)) AS both_px,
        s.width * s.height + t.width * t.height AS sum_px
    FROM read_parquet($seen) AS s
    JOIN read_parquet($truth) AS t ON t.clip = s.clip AND t.frame = s.frame
),
frame AS (
    SELECT *
    FROM pair
    WHERE both_px / (sum_px - both_px) >= 0.5
    QUALIFY row_number() OVER (
        PARTITION BY tracklet_id, clip, frame ORDER BY both_px / (sum_px - both_px) DESC, animal_id
    ) = 1
),
vote AS (
    SELECT tracklet_id, animal_id, count(*) AS frames
    FROM frame
    GROUP BY tracklet_id, animal_id
),
-- A tracklet that was someone else for more than a twentieth of its time would teach the wrong looks.
sure AS (
    SELECT tracklet_id, arg_max(animal_id, frames) AS animal_id, max(frames) AS frames
    FROM vote
    GROUP BY tracklet_id
    HAVING max(frames) >= 0.95 * sum(frames)
)
SELECT animal_id, tracklet_id
FROM sure
QUALIFY row_number() OVER (PARTITION BY animal_id ORDER BY frames DESC, tracklet_id) <= $each
ORDER BY animal_id, tracklet_id;
