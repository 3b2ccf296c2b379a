CREATE OR REPLACE VIEW device AS
SELECT * EXCLUDE (retracted)
FROM (
    SELECT *
    FROM roster.device
    QUALIFY row_number() OVER (PARTITION BY device_id ORDER BY recorded_at DESC, source DESC) = 1
)
WHERE NOT retracted;
