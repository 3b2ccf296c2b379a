CREATE OR REPLACE VIEW calibration AS
SELECT d.farm_id, d.device_id, d.day, r.*
FROM device_day AS d
JOIN record.calibration AS r USING (load_id);
