-- check: known_states severity: fail
-- A state is none of on, degraded and off.
SELECT *
FROM coverage
WHERE day >= getvariable('first_day') AND state NOT IN ('on', 'degraded', 'off');

-- check: no_overlap severity: fail
-- Two rows speak of the same camera at the same time.
SELECT load_id, camera_id, started_at, ended_at
FROM coverage
WHERE day >= getvariable('first_day')
QUALIFY started_at < max(ended_at) OVER (
    PARTITION BY load_id, camera_id ORDER BY started_at, ended_at
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
);

-- check: within_the_day severity: fail
-- A row ends before it starts, or leaves its farm-local day.
SELECT c.*
FROM coverage AS c
JOIN device_day AS d USING (load_id, day)
WHERE c.day >= getvariable('first_day') AND (c.ended_at <= c.started_at OR c.started_at < d.starts_at OR c.ended_at > d.ends_at);

-- check: camera_known severity: fail
-- A row names a camera that the manifest does not.
SELECT c.*
FROM coverage AS c
ANTI JOIN camera_setup AS s ON s.day = c.day AND s.load_id = c.load_id AND s.camera_id = c.camera_id
WHERE c.day >= getvariable('first_day');
