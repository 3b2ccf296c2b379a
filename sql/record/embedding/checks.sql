-- check: unique_key severity: fail
-- A tracklet has two embeddings of one space at one instant.
SELECT load_id, tracklet_id, seen_at, space_id
FROM embedding
WHERE day >= getvariable('first_day')
GROUP BY ALL
HAVING count(*) > 1;

-- check: tracklet_known severity: fail
-- An embedding names a tracklet that is not there.
SELECT DISTINCT x.load_id, x.tracklet_id
FROM embedding AS x
ANTI JOIN tracklet AS t ON t.day = x.day AND t.load_id = x.load_id AND t.tracklet_id = x.tracklet_id
WHERE x.day >= getvariable('first_day');

-- check: space_of_its_release severity: fail
-- A vector is not of the space, or not of the length, that its release declares.
SELECT e.load_id, e.tracklet_id, e.space_id, len(e.vector) AS length, m.space_id AS declared, m.dimensions
FROM embedding AS e
LEFT JOIN model_release AS m ON m.day = e.day AND m.load_id = e.load_id AND m.release_id = e.release_id
WHERE e.day >= getvariable('first_day') AND (len(e.vector), e.space_id) IS DISTINCT FROM (m.dimensions, m.space_id);

-- check: usable_numbers severity: fail
-- A scale is not positive, or a quality is not within 0 to 1.
SELECT load_id, tracklet_id, seen_at, scale, quality
FROM embedding
WHERE day >= getvariable('first_day') AND (coalesce(NOT scale > 0, true) OR isnan(scale) OR coalesce(quality NOT BETWEEN 0 AND 1, true));
