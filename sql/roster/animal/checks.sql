-- check: farm_known severity: fail
-- An animal belongs to a farm that is not on the roster.
SELECT animal_id, farm_id
FROM animal
ANTI JOIN farm USING (farm_id);
