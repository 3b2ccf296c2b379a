-- check: farm_known severity: fail
-- A device belongs to a farm that is not on the roster.
SELECT device_id, farm_id
FROM device
ANTI JOIN farm USING (farm_id);
