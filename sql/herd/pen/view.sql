CREATE OR REPLACE VIEW pen AS
SELECT * EXCLUDE (retracted)
FROM (
    SELECT *
    FROM roster.pen
    QUALIFY row_number() OVER (PARTITION BY pen_id ORDER BY recorded_at DESC, source DESC) = 1
)
WHERE NOT retracted;
