-- check: no_overlap severity: fail
-- Two bouts of one tracklet overlap: an animal does one thing at a time.
SELECT load_id, tracklet_id, started_at, ended_at
FROM bout
WHERE day >= getvariable('first_day')
QUALIFY started_at < max(ended_at) OVER (
    PARTITION BY load_id, tracklet_id ORDER BY started_at, ended_at
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
);

-- check: tracklet_known severity: fail
-- A bout names a tracklet that is not there.
SELECT DISTINCT x.load_id, x.tracklet_id
FROM bout AS x
ANTI JOIN tracklet AS t ON t.day = x.day AND t.load_id = x.load_id AND t.tracklet_id = x.tracklet_id
WHERE x.day >= getvariable('first_day');

-- check: within_its_tracklet severity: fail
-- A bout ends before it starts, or reaches out of its tracklet.
SELECT b.load_id, b.tracklet_id, b.started_at, b.ended_at
FROM bout AS b
JOIN tracklet AS t ON t.day = b.day AND t.load_id = b.load_id AND t.tracklet_id = b.tracklet_id
WHERE b.day >= getvariable('first_day') AND (b.ended_at <= b.started_at OR b.started_at < t.started_at OR b.ended_at > t.ended_at);

-- check: behaviour_known severity: fail
-- A behaviour is not in the ethogram of the release that reported it.
SELECT DISTINCT b.load_id, b.release_id, m.ethogram_id, b.behaviour
FROM bout AS b
LEFT JOIN model_release AS m ON m.day = b.day AND m.load_id = b.load_id AND m.release_id = b.release_id
ANTI JOIN ethogram AS e ON e.ethogram_id = m.ethogram_id AND e.behaviour = b.behaviour
WHERE b.day >= getvariable('first_day');

-- check: probability_range severity: fail
-- A probability is not within 0 to 1.
SELECT load_id, tracklet_id, started_at, probability
FROM bout
WHERE day >= getvariable('first_day') AND coalesce(probability NOT BETWEEN 0 AND 1, true);
