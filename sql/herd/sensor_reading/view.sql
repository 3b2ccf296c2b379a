-- Every reading of other systems' sensors as it stands now: its latest version.
CREATE OR REPLACE VIEW sensor_reading AS
SELECT *
FROM sensor.reading
QUALIFY row_number() OVER (PARTITION BY reading_id ORDER BY received_at DESC) = 1;
