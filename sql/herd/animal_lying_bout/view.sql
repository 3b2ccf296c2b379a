-- Lying bouts as wholes: what goes on over midnight is one bout. As in animal_day, at most a minute unseen does not end a
-- bout. A bout whose start or end was not seen lasted at least as long as it was seen.
CREATE OR REPLACE VIEW animal_lying_bout AS
WITH marked AS (
    SELECT
        *,
        coalesce(lag(posture) OVER w <> 'lying' OR lag(ended_at) OVER w < started_at - INTERVAL 60 SECOND, true)
            AS begins,
        coalesce(lag(ended_at) OVER w >= started_at - INTERVAL 60 SECOND, false) AS seen_before,
        coalesce(lead(started_at) OVER w <= ended_at + INTERVAL 60 SECOND, false) AS seen_after
    FROM animal_timeline
    WINDOW w AS (PARTITION BY farm_id, animal_id ORDER BY started_at)
),
numbered AS (
    SELECT *, sum(begins::INTEGER) OVER w AS bout
    FROM marked
    WHERE posture = 'lying'
    WINDOW w AS (PARTITION BY farm_id, animal_id ORDER BY started_at ROWS UNBOUNDED PRECEDING)
)
SELECT
    farm_id,
    animal_id,
    min(day) AS day,
    min(started_at) AS started_at,
    max(ended_at) AS ended_at,
    sum(seconds) AS seconds,
    arg_min(seen_before, started_at) AS began_seen,
    arg_max(seen_after, started_at) AS ended_seen
FROM numbered
GROUP BY farm_id, animal_id, bout;
