-- What enrolled animals look like, as people said and nobody took back.
CREATE OR REPLACE VIEW enrolment AS
SELECT * EXCLUDE (retracted) RENAME ("at" AS seen_at)
FROM (
    SELECT *
    FROM identity.enrolment
    QUALIFY row_number() OVER (PARTITION BY enrolment_id ORDER BY recorded_at DESC) = 1
)
WHERE NOT retracted;
