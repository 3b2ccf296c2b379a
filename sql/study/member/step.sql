-- Matched sets: each case, and the controls that were drawn for it without replacement.
WITH drawn AS (
    SELECT *
    FROM study_candidate
    QUALIFY row_number() OVER (PARTITION BY set_id ORDER BY draw, animal_id) <= $controls::INTEGER
),
joined AS (
    SELECT set_id, animal_id, true AS is_case, index_day, farm_id, pen_id, sex, born_on, entered_on
    FROM study_case
    WHERE left_out IS NULL
    UNION ALL BY NAME
    SELECT d.set_id, d.animal_id, false AS is_case, c.index_day, d.farm_id, d.pen_id, d.sex, d.born_on, d.entered_on
    FROM drawn AS d
    JOIN study_case AS c USING (set_id)
)
SELECT
    * EXCLUDE (born_on, entered_on),
    (index_day - born_on)::INTEGER AS age_days,
    (index_day - entered_on)::INTEGER AS days_on_farm
FROM joined
ORDER BY set_id, is_case DESC, animal_id
