-- Per animal, day and pen of its stays: how long it stayed, and how long it could be and was watched there.
-- A day is cut where the pen's roster changes; within such a part all its animals share the same figures.
CREATE OR REPLACE VIEW animal_presence AS
WITH pen_extent AS (
    SELECT s.farm_id, s.pen_id, d.day, min(d.starts_at) AS starts_at, max(d.ends_at) AS ends_at
    FROM device_day AS d
    JOIN camera_setup AS s USING (farm_id, device_id, day, load_id)
    GROUP BY s.farm_id, s.pen_id, d.day
),
stay AS (
    SELECT
        p.farm_id,
        p.pen_id,
        p.day,
        s.animal_id,
        greatest(s.valid_from, p.starts_at) AS started_at,
        least(coalesce(s.valid_to, p.ends_at), p.ends_at) AS ended_at
    FROM pen_extent AS p
    JOIN pen_stay AS s
        ON s.pen_id = p.pen_id AND s.valid_from < p.ends_at AND coalesce(s.valid_to, p.ends_at) > p.starts_at
),
part AS (
    SELECT
        farm_id,
        pen_id,
        day,
        moment AS started_at,
        lead(moment) OVER (PARTITION BY farm_id, pen_id, day ORDER BY moment) AS ended_at
    FROM (
        SELECT farm_id, pen_id, day, started_at AS moment FROM stay
        UNION
        SELECT farm_id, pen_id, day, ended_at AS moment FROM stay
    )
),
member AS (
    SELECT s.farm_id, s.pen_id, s.day, s.animal_id, p.started_at, p.ended_at
    FROM stay AS s
    JOIN part AS p USING (farm_id, pen_id, day)
    WHERE p.started_at >= s.started_at AND p.ended_at <= s.ended_at
),
roster AS (
    SELECT farm_id, pen_id, day, started_at, ended_at, count(DISTINCT animal_id) AS animals
    FROM member
    GROUP BY ALL
),
watched AS (
    SELECT
        r.farm_id,
        r.pen_id,
        r.day,
        r.started_at,
        sum(seconds_between(greatest(r.started_at, w.started_at), least(r.ended_at, w.ended_at))) AS seconds
    FROM roster AS r
    JOIN pen_watched AS w USING (farm_id, pen_id, day)
    WHERE w.started_at < r.ended_at AND w.ended_at > r.started_at
    GROUP BY ALL
),
tracked AS (
    SELECT
        r.farm_id,
        r.pen_id,
        r.day,
        r.started_at,
        sum(
            (seconds_between(greatest(r.started_at, t.started_at), least(r.ended_at, t.ended_at)))
            * least(t.animals, r.animals) / r.animals
        ) AS seconds
    FROM roster AS r
    JOIN pen_tracked AS t USING (farm_id, pen_id, day)
    WHERE t.started_at < r.ended_at AND t.ended_at > r.started_at
    GROUP BY ALL
)
SELECT
    m.farm_id,
    m.animal_id,
    m.day,
    m.pen_id,
    sum(seconds_between(m.started_at, m.ended_at)) AS stay_s,
    sum(coalesce(w.seconds, 0)) AS camera_on_s,
    sum(coalesce(t.seconds, 0)) AS tracked_s
FROM (SELECT DISTINCT * FROM member) AS m
LEFT JOIN watched AS w USING (farm_id, pen_id, day, started_at)
LEFT JOIN tracked AS t USING (farm_id, pen_id, day, started_at)
GROUP BY m.farm_id, m.animal_id, m.day, m.pen_id;
