-- check: one_row_per_camera severity: fail
-- A load describes a camera twice.
SELECT load_id, camera_id
FROM camera_setup
WHERE day >= getvariable('first_day')
GROUP BY load_id, camera_id
HAVING count(*) > 1;

-- check: pen_on_roster severity: warn
-- A camera watches a pen that is not on the roster: its animals have no denominators.
SELECT DISTINCT s.farm_id, s.pen_id, s.camera_id
FROM camera_setup AS s
ANTI JOIN pen AS p USING (pen_id)
WHERE s.day >= getvariable('first_day');

-- check: same_pen_as_roster severity: warn
-- The device and the roster disagree on the pen that a camera watches.
SELECT s.device_id, s.day, s.camera_id, s.pen_id, c.pen_id AS roster_pen_id
FROM camera_setup AS s
JOIN device_day AS d USING (load_id, day)
JOIN camera AS c
    ON c.camera_id = s.camera_id AND c.valid_from < d.ends_at AND coalesce(c.valid_to, d.ends_at) > d.starts_at
WHERE s.day >= getvariable('first_day')
QUALIFY NOT bool_or(c.pen_id = s.pen_id) OVER (PARTITION BY s.load_id, s.camera_id);
