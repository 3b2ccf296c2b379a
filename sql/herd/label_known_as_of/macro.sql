-- What a study could have known at an instant: of each label the latest version received by then, unless retracted.
CREATE OR REPLACE MACRO label_known_as_of(ts) AS TABLE
SELECT * EXCLUDE (retracted)
FROM (
    SELECT *
    FROM label.label
    WHERE received_at <= CAST(ts AS TIMESTAMPTZ)
    QUALIFY row_number() OVER (
        PARTITION BY label_id ORDER BY received_at DESC, recorded_at DESC, import_id DESC
    ) = 1
)
WHERE NOT retracted;
