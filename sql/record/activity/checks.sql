-- check: unique_key severity: fail
-- A tracklet has two rows for one hour.
SELECT load_id, tracklet_id, hour
FROM activity
WHERE day >= getvariable('first_day')
GROUP BY ALL
HAVING count(*) > 1;

-- check: tracklet_known severity: fail
-- An hour names a tracklet that is not there.
SELECT DISTINCT x.load_id, x.tracklet_id
FROM activity AS x
ANTI JOIN tracklet AS t ON t.day = x.day AND t.load_id = x.load_id AND t.tracklet_id = x.tracklet_id
WHERE x.day >= getvariable('first_day');

-- check: full_hours severity: fail
-- An hour does not start at a full hour of UTC.
SELECT load_id, tracklet_id, hour
FROM activity
WHERE day >= getvariable('first_day') AND epoch_us(hour) % 3600000000 <> 0;

-- check: an_hour_at_most severity: fail
-- More seconds were observed than an hour has, or a distance is negative.
SELECT load_id, tracklet_id, hour, observed_s, distance_px, distance_m
FROM activity
WHERE day >= getvariable('first_day') AND (coalesce(observed_s NOT BETWEEN 0 AND 3600.5, true) OR distance_px < 0 OR distance_m < 0);

-- check: metres_have_a_calibration severity: fail
-- Metres are given without the calibration that made them.
SELECT a.load_id, a.tracklet_id, a.hour, a.calibration_id
FROM activity AS a
ANTI JOIN calibration AS c ON c.day = a.day AND c.load_id = a.load_id AND c.calibration_id = a.calibration_id
WHERE a.day >= getvariable('first_day') AND a.distance_m IS NOT NULL;

-- check: plausible_speed severity: warn
-- An animal moved faster than 3 m/s over its whole hour.
SELECT load_id, tracklet_id, hour, observed_s, distance_m
FROM activity
WHERE day >= getvariable('first_day') AND observed_s >= 60 AND distance_m > 3 * observed_s;
