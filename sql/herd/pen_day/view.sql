-- A pen by day: who was kept there, how long it was watched, and what its animals did in the time they were observed.
CREATE OR REPLACE VIEW pen_day AS
WITH extent AS (
    SELECT s.farm_id, s.pen_id, d.day, seconds_between(min(d.starts_at), max(d.ends_at)) AS day_s
    FROM device_day AS d
    JOIN camera_setup AS s USING (farm_id, device_id, day, load_id)
    GROUP BY s.farm_id, s.pen_id, d.day
),
watched AS (
    SELECT farm_id, pen_id, day, sum(seconds_between(started_at, ended_at)) AS camera_on_s
    FROM pen_watched
    GROUP BY farm_id, pen_id, day
),
kept AS (
    SELECT
        farm_id,
        pen_id,
        day,
        count(*) AS animals,
        sum(stay_s) AS stay_s,
        sum(camera_on_s) AS animal_camera_on_s,
        sum(tracked_s) AS tracked_s
    FROM animal_presence
    GROUP BY farm_id, pen_id, day
),
done AS (
    SELECT
        farm_id,
        pen_id,
        day,
        count(behaviour_s) AS animals_observed,
        sum(identified_s) AS identified_s,
        sum(behaviour_s) AS behaviour_s,
        sum(lying_s) AS lying_s,
        sum(sitting_s) AS sitting_s,
        sum(standing_s) AS standing_s,
        sum(sleeping_s) AS sleeping_s,
        sum(walking_s) AS walking_s,
        sum(eating_s) AS eating_s,
        sum(drinking_s) AS drinking_s,
        sum(investigating_s) AS investigating_s,
        sum(social_s) AS social_s
    FROM animal_day
    GROUP BY farm_id, pen_id, day
)
SELECT
    e.*,
    coalesce(w.camera_on_s, 0) AS camera_on_s,
    coalesce(k.animals, 0) AS animals,
    k.stay_s,
    k.animal_camera_on_s,
    k.tracked_s,
    coalesce(d.animals_observed, 0) AS animals_observed,
    d.* EXCLUDE (farm_id, pen_id, day, animals_observed)
FROM extent AS e
LEFT JOIN watched AS w USING (farm_id, pen_id, day)
LEFT JOIN kept AS k USING (farm_id, pen_id, day)
LEFT JOIN done AS d USING (farm_id, pen_id, day);
