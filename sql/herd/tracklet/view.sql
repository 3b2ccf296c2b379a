CREATE OR REPLACE VIEW tracklet AS
SELECT d.farm_id, d.device_id, d.day, r.*
FROM device_day AS d
JOIN record.tracklet AS r USING (load_id);
