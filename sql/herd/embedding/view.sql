-- "at" is a reserved word of DuckDB: people read it as seen_at.
CREATE OR REPLACE VIEW embedding AS
SELECT d.farm_id, d.device_id, d.day, r.* RENAME ("at" AS seen_at)
FROM device_day AS d
JOIN record.embedding AS r USING (load_id);
