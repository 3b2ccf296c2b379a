-- The current load of every device day: the highest revision, then the latest load.
CREATE OR REPLACE VIEW device_day AS
SELECT *
FROM record.device_day
QUALIFY row_number() OVER (PARTITION BY device_id, day ORDER BY revision DESC, loaded_at DESC, load_id DESC) = 1;
