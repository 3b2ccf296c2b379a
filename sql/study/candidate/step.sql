-- Risk sets: who could have been a case on a case's index day and is like it in what is matched. Nothing after that day is
-- looked at, so an animal that falls ill later may be a control now. The draw is a digest of names and seed: the same in
-- every version of the database.
SELECT
    c.set_id,
    s.animal_id,
    s.pen_id,
    s.farm_id,
    s.sex,
    s.born_on,
    s.entered_on,
    md5(concat_ws('|', $seed::BIGINT, c.set_id, s.animal_id)) AS draw
FROM study_case AS c
JOIN study_stay AS s
    ON s.animal_id <> c.animal_id
    AND c.index_day BETWEEN s.first_day AND s.last_day
    AND c.index_day >= s.observed_from + $washout_days::INTEGER
    AND (NOT list_contains($match::VARCHAR[], 'farm') OR s.farm_id = c.farm_id)
    AND (NOT list_contains($match::VARCHAR[], 'pen') OR s.pen_id = c.pen_id)
    AND (NOT list_contains($match::VARCHAR[], 'sex') OR s.sex = c.sex)
    AND (
        $age_within_days::INTEGER IS NULL
        OR coalesce(abs(s.born_on - c.born_on) <= $age_within_days::INTEGER, false)
    )
    AND (
        $stay_within_days::INTEGER IS NULL OR abs(s.entered_on - c.entered_on) <= $stay_within_days::INTEGER
    )
    AND (
        $age_days::INTEGER[] IS NULL
        OR coalesce(c.index_day - s.born_on BETWEEN ($age_days::INTEGER[])[1] AND ($age_days::INTEGER[])[2], false)
    )
ANTI JOIN study_episode AS e
    ON e.animal_id = s.animal_id
    AND coalesce(e.index_day, e.seen_day) <= c.index_day
    AND ($only_first::BOOLEAN OR c.index_day < e.free_day)
WHERE c.left_out IS NULL
QUALIFY row_number() OVER (PARTITION BY c.set_id, s.animal_id ORDER BY s.first_day DESC, s.pen_id) = 1
ORDER BY ALL
