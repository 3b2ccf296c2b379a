-- check: one_version_at_a_time severity: fail
-- One alert has two versions received at the same instant.
SELECT alert_id, received_at
FROM alert.alert
GROUP BY ALL
HAVING count(*) > 1;

-- check: in_order severity: fail
-- An alert is raised or ends before it begins, or has an outcome and no end.
SELECT alert_id, began_at, raised_at, ended_at, outcome
FROM alert.alert
WHERE raised_at < began_at OR ended_at < began_at OR (ended_at IS NULL) <> (outcome IS NULL);

-- check: about_something severity: fail
-- An alert does not name what it is about.
SELECT alert_id, about, animal_id, tracklet_id
FROM alert.alert
WHERE (about = 'animal') <> (animal_id IS NOT NULL) OR (about = 'tracklet') <> (tracklet_id IS NOT NULL);

-- check: device_known severity: warn
-- An alert was raised by a device that is not on the roster.
SELECT DISTINCT device_id
FROM alert.alert
ANTI JOIN device USING (device_id);
