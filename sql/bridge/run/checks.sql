-- check: one_row_per_bridge severity: fail
-- A bridge run is there twice.
SELECT bridge_id
FROM bridge.run
GROUP BY bridge_id
HAVING count(*) > 1;
