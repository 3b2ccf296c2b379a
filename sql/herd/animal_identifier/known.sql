CREATE OR REPLACE VIEW known.animal_identifier AS
SELECT * EXCLUDE (retracted)
FROM (
    SELECT *
    FROM roster.animal_identifier
    WHERE recorded_at <= known_as_of()
    QUALIFY row_number() OVER (PARTITION BY animal_id, scheme, identifier, valid_from ORDER BY recorded_at DESC, source DESC) = 1
)
WHERE NOT retracted;
