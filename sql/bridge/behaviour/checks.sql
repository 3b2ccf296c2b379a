-- check: differences_add_up severity: fail
-- The differences of all behaviours of a bridge run do not add up to nothing.
SELECT bridge_id, sum(difference) AS total
FROM bridge.behaviour
GROUP BY bridge_id
HAVING abs(sum(difference)) > 1e-6;
