-- Movement and size of an animal by day, from its hours. Speed is weighted by the metres moved, so that hours of rest do not
-- make a brisk walker slow; size by the time observed.
CREATE OR REPLACE VIEW animal_day_movement AS
WITH summed AS (
    SELECT
        farm_id,
        animal_id,
        day,
        sum(observed_s) AS observed_s,
        sum(distance_observed_s) AS distance_observed_s,
        sum(distance_m) AS distance_m,
        sum(speed_p95_m_s * distance_m) / nullif(sum(distance_m) FILTER (speed_p95_m_s IS NOT NULL), 0)
            AS moving_speed_m_s,
        sum(body_length_m * observed_s) / nullif(sum(observed_s) FILTER (body_length_m IS NOT NULL), 0)
            AS body_length_m,
        sum(body_area_m2 * observed_s) / nullif(sum(observed_s) FILTER (body_area_m2 IS NOT NULL), 0) AS body_area_m2
    FROM animal_hour
    GROUP BY farm_id, animal_id, day
)
SELECT *, body_area_m2 / nullif(body_length_m, 0) AS body_width_m FROM summed;
