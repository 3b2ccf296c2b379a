CREATE OR REPLACE VIEW camera_setup AS
SELECT d.farm_id, d.device_id, d.day, r.*
FROM device_day AS d
JOIN record.camera_setup AS r USING (load_id);
