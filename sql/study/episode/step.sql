-- Labels of an animal less than the gap apart are one episode. Its onset lies after the last day known sound and by the
-- day it was seen; the index day is chosen in there. From free_day on the animal is at risk again.
WITH marked AS (
    SELECT
        *,
        coalesce(seen_day - lag(seen_day) OVER w >= $episode_gap_days::INTEGER, true) AS begins
    FROM study_hit
    WINDOW w AS (PARTITION BY animal_id ORDER BY seen_day, label_id)
),
numbered AS (
    SELECT
        *,
        sum(begins::INTEGER) OVER (
            PARTITION BY animal_id ORDER BY seen_day, label_id ROWS UNBOUNDED PRECEDING
        )::INTEGER AS episode
    FROM marked
),
collapsed AS (
    SELECT
        animal_id,
        episode,
        min(seen_day) AS seen_day,
        max(sound_day) FILTER (begins) AS sound_day,
        max(seen_day) + greatest($episode_gap_days::INTEGER, $washout_days::INTEGER) AS free_day,
        list(label_id ORDER BY seen_day, label_id) AS label_ids
    FROM numbered
    GROUP BY animal_id, episode
)
SELECT
    animal_id,
    episode,
    CASE $index_at::VARCHAR
        WHEN 'first-seen' THEN seen_day
        WHEN 'midpoint' THEN sound_day + (seen_day - sound_day)::INTEGER // 2
        WHEN 'last-sound' THEN sound_day
    END AS index_day,
    sound_day,
    seen_day,
    free_day,
    label_ids
FROM collapsed
ORDER BY ALL
