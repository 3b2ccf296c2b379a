CREATE OR REPLACE VIEW known.device_day AS
SELECT *
FROM record.device_day
WHERE loaded_at <= known_as_of()
QUALIFY row_number() OVER (PARTITION BY device_id, day ORDER BY revision DESC, loaded_at DESC, load_id DESC) = 1;
