CREATE OR REPLACE VIEW bout AS
SELECT d.farm_id, d.device_id, d.day, r.*
FROM device_day AS d
JOIN record.bout AS r USING (load_id);
