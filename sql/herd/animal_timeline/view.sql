-- What an animal did, from-to. Bouts of its identified tracklets are cut wherever another of its bouts begins or ends; at
-- each instant the most probable holds; neighbours that say the same are joined. Days are farm-local and cut at midnight.
CREATE OR REPLACE VIEW animal_timeline AS
WITH mine AS (
    SELECT
        t.farm_id,
        i.animal_id,
        t.day,
        t.device_id,
        t.load_id,
        t.tracklet_id,
        s.pen_id,
        i.confidence,
        t.started_at,
        t.ended_at
    FROM tracklet AS t
    JOIN identity AS i USING (farm_id, device_id, day, load_id, tracklet_id)
    -- Outer, though every tracklet has a camera: inner joins are put in another order, where each claim meets every camera.
    LEFT JOIN camera_setup AS s ON s.day = t.day AND s.load_id = t.load_id AND s.camera_id = t.camera_id
    WHERE i.identified
),
-- Whether another of the animal's tracklets runs beside this one: nearly always none does, and its bouts stand as they are.
claimed AS (
    SELECT
        * EXCLUDE (started_at, ended_at),
        coalesce(started_at < max(ended_at) OVER earlier, false) OR coalesce(ended_at > min(started_at) OVER later, false)
            AS beside
    FROM mine
    WINDOW
        earlier AS (
            PARTITION BY farm_id, animal_id, day ORDER BY started_at, ended_at, tracklet_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ),
        later AS (
            PARTITION BY farm_id, animal_id, day ORDER BY started_at, ended_at, tracklet_id
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        )
),
own AS (
    SELECT
        c.farm_id,
        c.animal_id,
        c.day,
        c.pen_id,
        b.started_at,
        b.ended_at,
        b.behaviour,
        b.probability,
        c.confidence,
        b.release_id,
        m.ethogram_id,
        e.posture,
        b.tracklet_id,
        c.beside
    FROM claimed AS c
    JOIN bout AS b USING (farm_id, device_id, day, load_id, tracklet_id)
    LEFT JOIN model_release AS m ON m.day = b.day AND m.load_id = b.load_id AND m.release_id = b.release_id
    LEFT JOIN ethogram AS e ON e.ethogram_id = m.ethogram_id AND e.behaviour = b.behaviour
    WHERE b.ended_at > b.started_at
),
-- Cut at full hours: overlaps are then looked for among the few bouts of one hour, not of the whole day.
piece AS (
    SELECT
        * EXCLUDE (started_at, ended_at, beside),
        greatest(started_at, make_timestamptz(hour * 3600000000)) AS started_at,
        least(ended_at, make_timestamptz((hour + 1) * 3600000000)) AS ended_at
    FROM (
        SELECT
            *,
            unnest(generate_series(epoch_us(started_at) // 3600000000, (epoch_us(ended_at) - 1) // 3600000000)) AS hour
        FROM own
        WHERE beside
    )
),
edge AS (
    SELECT DISTINCT farm_id, animal_id, day, hour, unnest([started_at, ended_at]) AS moment FROM piece
),
instant AS (
    SELECT *, lead(moment) OVER (PARTITION BY farm_id, animal_id, day, hour ORDER BY moment) AS until
    FROM edge
),
chosen AS (
    SELECT p.* EXCLUDE (started_at, ended_at, hour), e.moment AS started_at, e.until AS ended_at
    FROM instant AS e
    JOIN piece AS p USING (farm_id, animal_id, day, hour)
    WHERE p.started_at <= e.moment AND p.ended_at >= e.until
    QUALIFY row_number() OVER (
        PARTITION BY p.farm_id, p.animal_id, p.day, e.moment
        ORDER BY p.probability DESC, p.confidence DESC, p.behaviour, p.tracklet_id
    ) = 1
    UNION ALL BY NAME
    SELECT * EXCLUDE (beside) FROM own WHERE NOT beside
),
-- Where the day's row before, or after, says something else or leaves a gap.
marked AS (
    SELECT
        *,
        seconds_between(started_at, ended_at) AS seconds,
        (started_at, behaviour, release_id, pen_id) IS DISTINCT FROM
        (lag(ended_at) OVER w, lag(behaviour) OVER w, lag(release_id) OVER w, lag(pen_id) OVER w) AS begins,
        (ended_at, behaviour, release_id, pen_id) IS DISTINCT FROM
        (lead(started_at) OVER w, lead(behaviour) OVER w, lead(release_id) OVER w, lead(pen_id) OVER w) AS ends,
        posture IS DISTINCT FROM lag(posture) OVER w
        OR coalesce(lag(ended_at) OVER w < started_at - INTERVAL 60 SECOND, true) AS posture_begins
    FROM chosen
    WINDOW w AS (PARTITION BY farm_id, animal_id, day ORDER BY started_at)
),
numbered AS (
    SELECT *, sum(begins::INTEGER) OVER w AS run
    FROM marked
    WINDOW w AS (PARTITION BY farm_id, animal_id, day ORDER BY started_at ROWS UNBOUNDED PRECEDING)
)
-- Few runs are of more than one row: a sorted list of names for each would cost more than all else.
SELECT
    farm_id,
    animal_id,
    day,
    min(started_at) AS started_at,
    max(ended_at) AS ended_at,
    sum(seconds) AS seconds,
    any_value(behaviour) AS behaviour,
    any_value(ethogram_id) AS ethogram_id,
    (sum(probability * seconds) / sum(seconds))::FLOAT AS probability,
    (sum(confidence * seconds) / sum(seconds))::FLOAT AS confidence,
    any_value(pen_id) AS pen_id,
    any_value(release_id) AS release_id,
    any_value(posture) AS posture,
    bool_or(posture_begins) AS posture_begins,
    coalesce(
        list(DISTINCT tracklet_id ORDER BY tracklet_id) FILTER (NOT (begins AND ends)), [any_value(tracklet_id)]
    ) AS tracklet_ids
FROM numbered
GROUP BY farm_id, animal_id, day, run;
