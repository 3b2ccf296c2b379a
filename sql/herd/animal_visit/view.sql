-- Visits to feeder and drinker: stretches of eating, or of drinking, with at most a minute between them, whatever was done
-- in that minute. A visit may go on over midnight.
CREATE OR REPLACE VIEW animal_visit AS
WITH around AS (
    SELECT
        *,
        coalesce(lag(ended_at) OVER w >= started_at - INTERVAL 60 SECOND, false) AS seen_before,
        coalesce(lead(started_at) OVER w <= ended_at + INTERVAL 60 SECOND, false) AS seen_after
    FROM animal_timeline
    WINDOW w AS (PARTITION BY farm_id, animal_id ORDER BY started_at)
),
marked AS (
    SELECT *, coalesce(lag(ended_at) OVER w < started_at - INTERVAL 60 SECOND, true) AS begins
    FROM around
    WHERE behaviour IN ('eating', 'drinking')
    WINDOW w AS (PARTITION BY farm_id, animal_id, behaviour ORDER BY started_at)
),
numbered AS (
    SELECT *, sum(begins::INTEGER) OVER w AS visit
    FROM marked
    WINDOW w AS (PARTITION BY farm_id, animal_id, behaviour ORDER BY started_at ROWS UNBOUNDED PRECEDING)
)
SELECT
    farm_id,
    animal_id,
    behaviour,
    min(day) AS day,
    min(started_at) AS started_at,
    max(ended_at) AS ended_at,
    sum(seconds) AS seconds,
    arg_min(seen_before, started_at) AS began_seen,
    arg_max(seen_after, started_at) AS ended_seen
FROM numbered
GROUP BY farm_id, animal_id, behaviour, visit;
