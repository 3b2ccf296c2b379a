CREATE OR REPLACE VIEW known.camera AS
SELECT * EXCLUDE (retracted)
FROM (
    SELECT *
    FROM roster.camera
    WHERE recorded_at <= known_as_of()
    QUALIFY row_number() OVER (PARTITION BY camera_id, valid_from ORDER BY recorded_at DESC, source DESC) = 1
)
WHERE NOT retracted;
