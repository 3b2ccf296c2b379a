-- The current reading of every device day by each release: the latest load.
CREATE OR REPLACE VIEW reading AS
SELECT *
FROM record.reading
QUALIFY row_number() OVER (PARTITION BY device_id, day, release_id ORDER BY loaded_at DESC, load_id DESC) = 1;
