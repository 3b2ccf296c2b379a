-- One row per animal and farm-local day: on the roster of a watched pen, or identified. Seconds of behaviour and distances
-- are null where nothing was observed; rates have behaviour_s, identified_s or distance_observed_s as denominator.
-- A union of narrow blocks instead of outer joins, so that a filter on day or animal goes down into every block.
CREATE OR REPLACE VIEW animal_day AS
WITH presence AS (
    SELECT
        farm_id,
        animal_id,
        day,
        arg_max(pen_id, stay_s) AS stay_pen_id,
        count(*) AS pens,
        sum(camera_on_s) AS camera_on_s,
        sum(tracked_s) AS tracked_s
    FROM animal_presence
    GROUP BY farm_id, animal_id, day
),
seen AS (
    SELECT farm_id, animal_id, day, arg_max(pen_id, seconds) AS seen_pen_id, sum(seconds) AS identified_s
    FROM animal_seen
    GROUP BY farm_id, animal_id, day
),
behaved AS (
    SELECT
        farm_id,
        animal_id,
        day,
        sum(seconds) AS behaviour_s,
        sum(seconds) FILTER (posture = 'lying') AS lying_s,
        sum(seconds) FILTER (posture = 'sitting') AS sitting_s,
        sum(seconds) FILTER (posture = 'standing') AS standing_s,
        sum(seconds) FILTER (behaviour = 'sleeping') AS sleeping_s,
        sum(seconds) FILTER (behaviour = 'walking') AS walking_s,
        sum(seconds) FILTER (behaviour = 'eating') AS eating_s,
        sum(seconds) FILTER (behaviour = 'drinking') AS drinking_s,
        sum(seconds) FILTER (behaviour = 'investigating') AS investigating_s,
        sum(seconds) FILTER (behaviour = 'social') AS social_s
    FROM animal_day_behaviour
    GROUP BY farm_id, animal_id, day
),
-- Only the first bout can go on from the day before, and only the last one into the day after.
extent AS (
    SELECT farm_id, day, min(starts_at) AS starts_at, max(ends_at) AS ends_at FROM device_day GROUP BY farm_id, day
),
lain AS (
    SELECT
        farm_id,
        animal_id,
        day,
        count(*) FILTER (posture_begins) AS lying_bouts,
        min(started_at) AS first_at,
        max(ended_at) AS last_at,
        sum(seconds) AS lying_bout_s
    FROM animal_timeline
    WHERE posture = 'lying'
    GROUP BY farm_id, animal_id, day
),
lying AS (
    SELECT
        l.* EXCLUDE (first_at, last_at),
        l.first_at <= e.starts_at + INTERVAL 60 SECOND AS cut_before,
        l.last_at >= e.ends_at - INTERVAL 60 SECOND AS cut_after
    FROM lain AS l
    JOIN extent AS e USING (farm_id, day)
),
moved AS (
    SELECT
        farm_id,
        animal_id,
        day,
        sum(distance_m) AS distance_m,
        sum(distance_observed_s) AS distance_observed_s,
        sum(body_length_m * observed_s) / sum(observed_s) FILTER (body_length_m IS NOT NULL) AS body_length_m
    FROM animal_hour
    GROUP BY farm_id, animal_id, day
),
block AS (
    SELECT * FROM presence
    UNION ALL BY NAME
    SELECT * FROM seen
    UNION ALL BY NAME
    SELECT * FROM behaved
    UNION ALL BY NAME
    SELECT * FROM lying
    UNION ALL BY NAME
    SELECT * FROM moved
)
SELECT
    farm_id,
    animal_id,
    day,
    coalesce(any_value(stay_pen_id), any_value(seen_pen_id)) AS pen_id,
    any_value(pens) AS pens,
    any_value(camera_on_s) AS camera_on_s,
    any_value(tracked_s) AS tracked_s,
    coalesce(any_value(identified_s), 0) AS identified_s,
    any_value(behaviour_s) AS behaviour_s,
    any_value(lying_s) AS lying_s,
    any_value(sitting_s) AS sitting_s,
    any_value(standing_s) AS standing_s,
    any_value(sleeping_s) AS sleeping_s,
    any_value(walking_s) AS walking_s,
    any_value(eating_s) AS eating_s,
    any_value(drinking_s) AS drinking_s,
    any_value(investigating_s) AS investigating_s,
    any_value(social_s) AS social_s,
    CASE WHEN any_value(behaviour_s) IS NOT NULL THEN coalesce(any_value(lying_bouts), 0)::BIGINT END AS lying_bouts,
    CASE
        WHEN any_value(behaviour_s) IS NULL THEN NULL
        WHEN any_value(lying_bouts) = 1 THEN (any_value(cut_before) OR any_value(cut_after))::BIGINT
        ELSE coalesce(any_value(cut_before)::BIGINT + any_value(cut_after)::BIGINT, 0)
    END AS lying_bouts_cut,
    any_value(lying_bout_s) / any_value(lying_bouts) AS mean_lying_bout_s,
    any_value(distance_m) AS distance_m,
    any_value(distance_observed_s) AS distance_observed_s,
    any_value(distance_m) / any_value(distance_observed_s) AS mean_speed_m_s,
    any_value(body_length_m) AS body_length_m
FROM block
GROUP BY farm_id, animal_id, day;
