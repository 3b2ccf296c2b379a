-- check: unique_id severity: fail
-- A tracklet is there twice.
SELECT load_id, tracklet_id
FROM tracklet
WHERE day >= getvariable('first_day')
GROUP BY load_id, tracklet_id
HAVING count(*) > 1;

-- check: within_the_day severity: fail
-- A tracklet ends before it starts, or leaves its farm-local day.
SELECT t.*
FROM tracklet AS t
JOIN device_day AS d USING (load_id, day)
WHERE t.day >= getvariable('first_day') AND (t.ended_at < t.started_at OR t.started_at < d.starts_at OR t.ended_at > d.ends_at);

-- check: camera_known severity: fail
-- A tracklet names a camera that the manifest does not.
SELECT t.load_id, t.tracklet_id, t.camera_id
FROM tracklet AS t
ANTI JOIN camera_setup AS s ON s.day = t.day AND s.load_id = t.load_id AND s.camera_id = t.camera_id
WHERE t.day >= getvariable('first_day');

-- check: release_known severity: fail
-- A tracklet names a release that the manifest does not.
SELECT t.load_id, t.tracklet_id, t.release_id
FROM tracklet AS t
ANTI JOIN model_release AS m ON m.day = t.day AND m.load_id = t.load_id AND m.release_id = t.release_id
WHERE t.day >= getvariable('first_day');

-- check: confidence_range severity: fail
-- A confidence is not within 0 to 1, or a number of frames is negative.
SELECT load_id, tracklet_id, frames, confidence
FROM tracklet
WHERE day >= getvariable('first_day') AND (frames < 0 OR coalesce(confidence NOT BETWEEN 0 AND 1, true));

-- check: seen_while_on severity: warn
-- A tracklet lies wholly in time when its camera was off.
SELECT t.load_id, t.tracklet_id, t.camera_id, t.started_at, t.ended_at
FROM tracklet AS t
WHERE
    t.day >= getvariable('first_day')
    AND NOT EXISTS (
        FROM coverage AS c
        WHERE
            c.day = t.day AND c.load_id = t.load_id AND c.camera_id = t.camera_id
            AND c.state <> 'off' AND c.started_at <= t.ended_at AND c.ended_at >= t.started_at
    );
