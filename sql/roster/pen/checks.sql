-- check: farm_known severity: fail
-- A pen belongs to a farm that is not on the roster.
SELECT pen_id, farm_id
FROM pen
ANTI JOIN farm USING (farm_id);
