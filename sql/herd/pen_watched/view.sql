-- When at least one camera of a pen was on or degraded: the union over its cameras, as intervals that do not overlap.
CREATE OR REPLACE VIEW pen_watched AS
WITH lit AS (
    SELECT c.farm_id, s.pen_id, c.day, c.started_at, c.ended_at
    FROM coverage AS c
    JOIN camera_setup AS s USING (farm_id, device_id, day, load_id, camera_id)
    WHERE c.state IN ('on', 'degraded')
),
marked AS (
    SELECT *, coalesce(started_at > max(ended_at) OVER earlier, true) AS begins
    FROM lit
    WINDOW earlier AS (
        PARTITION BY farm_id, pen_id, day ORDER BY started_at, ended_at
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),
numbered AS (
    SELECT *, sum(begins::INTEGER) OVER sofar AS island
    FROM marked
    WINDOW sofar AS (PARTITION BY farm_id, pen_id, day ORDER BY started_at, ended_at ROWS UNBOUNDED PRECEDING)
)
SELECT farm_id, pen_id, day, min(started_at) AS started_at, max(ended_at) AS ended_at
FROM numbered
GROUP BY farm_id, pen_id, day, island;
