CREATE OR REPLACE VIEW coverage AS
SELECT d.farm_id, d.device_id, d.day, r.*
FROM device_day AS d
JOIN record.coverage AS r USING (load_id);
