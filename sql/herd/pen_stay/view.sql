CREATE OR REPLACE VIEW pen_stay AS
SELECT * EXCLUDE (retracted)
FROM (
    SELECT *
    FROM roster.pen_stay
    QUALIFY row_number() OVER (PARTITION BY animal_id, pen_id, valid_from ORDER BY recorded_at DESC, source DESC) = 1
)
WHERE NOT retracted;
