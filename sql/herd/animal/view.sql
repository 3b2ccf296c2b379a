CREATE OR REPLACE VIEW animal AS
SELECT * EXCLUDE (retracted)
FROM (
    SELECT *
    FROM roster.animal
    QUALIFY row_number() OVER (PARTITION BY animal_id ORDER BY recorded_at DESC, source DESC) = 1
)
WHERE NOT retracted;
