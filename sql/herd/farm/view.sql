CREATE OR REPLACE VIEW farm AS
SELECT * EXCLUDE (retracted)
FROM (
    SELECT *
    FROM roster.farm
    QUALIFY row_number() OVER (PARTITION BY farm_id ORDER BY recorded_at DESC, source DESC) = 1
)
WHERE NOT retracted;
