-- check: a_map_has_an_error severity: fail
-- A map between embedding spaces is there without its measured error.
SELECT bridge_id, from_space_id, to_space_id
FROM bridge.space
WHERE map_sha256 IS NOT NULL AND (cosine IS NULL OR pairs = 0);
