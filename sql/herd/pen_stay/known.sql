CREATE OR REPLACE VIEW known.pen_stay AS
SELECT * EXCLUDE (retracted)
FROM (
    SELECT *
    FROM roster.pen_stay
    WHERE recorded_at <= known_as_of()
    QUALIFY row_number() OVER (PARTITION BY animal_id, pen_id, valid_from ORDER BY recorded_at DESC, source DESC) = 1
)
WHERE NOT retracted;
