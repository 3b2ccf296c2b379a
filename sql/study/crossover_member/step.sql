-- Each case's window and its earlier ones, as rows of one set.
WITH joined AS (
    SELECT set_id, animal_id, true AS is_case, index_day, farm_id, pen_id, sex, born_on, entered_on
    FROM study_case
    WHERE left_out IS NULL
    UNION ALL BY NAME
    SELECT set_id, animal_id, false AS is_case, index_day, farm_id, pen_id, sex, born_on, entered_on
    FROM study_candidate
)
SELECT
    * EXCLUDE (born_on, entered_on),
    (index_day - born_on)::INTEGER AS age_days,
    (index_day - entered_on)::INTEGER AS days_on_farm
FROM joined
ORDER BY set_id, is_case DESC, index_day DESC
