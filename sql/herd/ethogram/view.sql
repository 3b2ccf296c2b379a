-- The latest version of every ethogram.
CREATE OR REPLACE VIEW ethogram AS
SELECT *
FROM record.ethogram
QUALIFY rank() OVER (PARTITION BY ethogram_id ORDER BY version DESC) = 1
    AND row_number() OVER (PARTITION BY ethogram_id, version, behaviour ORDER BY recorded_at) = 1;
