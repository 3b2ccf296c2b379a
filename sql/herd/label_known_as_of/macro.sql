-- What a study could have known at an instant: of each label the latest version received by then, unless retracted.
CREATE OR REPLACE MACRO label_known_as_of(ts) AS TABLE
SELECT l.* EXCLUDE (retracted), CAST(l.occurred_by AT TIME ZONE f.timezone AS DATE) AS occurred_day
FROM (
    SELECT *
    FROM label.label
    WHERE received_at <= utc_instant(ts)
    QUALIFY row_number() OVER (
        PARTITION BY label_id ORDER BY received_at DESC, recorded_at DESC, import_id DESC
    ) = 1
) AS l
LEFT JOIN farm AS f USING (farm_id)
WHERE NOT l.retracted;
