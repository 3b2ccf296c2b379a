-- check: unique_id severity: fail
-- A claim is there twice.
SELECT claim_id
FROM identity.claim
GROUP BY claim_id
HAVING count(*) > 1;

-- check: tracklet_known severity: fail
-- A claim is about a tracklet that is not there.
SELECT i.claim_id, i.load_id, i.tracklet_id
FROM identity AS i
ANTI JOIN tracklet AS t ON t.day = i.day AND t.load_id = i.load_id AND t.tracklet_id = i.tracklet_id
WHERE i.day >= getvariable('first_day');

-- check: animal_known severity: fail
-- A claim names an animal that is not on the roster.
SELECT i.claim_id, i.animal_id
FROM identity AS i
ANTI JOIN animal AS a USING (animal_id)
WHERE i.day >= getvariable('first_day') AND i.animal_id IS NOT NULL;

-- check: confidence_range severity: fail
-- A confidence is not within 0 to 1.
SELECT claim_id, confidence
FROM identity.claim
WHERE coalesce(confidence NOT BETWEEN 0 AND 1, true);

-- check: one_place_per_camera severity: warn
-- An animal is in two tracklets of one camera at once, which are two animals; half a second is a tracker's hand-over.
SELECT i.animal_id, t.camera_id, t.tracklet_id, t.started_at, t.ended_at
FROM tracklet AS t
JOIN identity AS i USING (farm_id, device_id, day, load_id, tracklet_id)
WHERE t.day >= getvariable('first_day') AND i.identified
QUALIFY t.started_at + INTERVAL 500 MILLISECOND < max(t.ended_at) OVER (
    PARTITION BY t.day, t.load_id, t.camera_id, i.animal_id ORDER BY t.started_at, t.ended_at
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
);
