CREATE OR REPLACE VIEW activity AS
SELECT d.farm_id, d.device_id, d.day, r.*
FROM device_day AS d
JOIN record.activity AS r USING (load_id);
