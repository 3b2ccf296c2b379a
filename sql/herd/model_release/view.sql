CREATE OR REPLACE VIEW model_release AS
SELECT d.farm_id, d.device_id, d.day, r.*
FROM device_day AS d
JOIN record.model_release AS r USING (load_id);
