CREATE OR REPLACE VIEW known.enrolment AS
SELECT * EXCLUDE (retracted) RENAME ("at" AS seen_at)
FROM (
    SELECT *
    FROM identity.enrolment
    WHERE recorded_at <= known_as_of()
    QUALIFY row_number() OVER (PARTITION BY enrolment_id ORDER BY recorded_at DESC) = 1
)
WHERE NOT retracted;
