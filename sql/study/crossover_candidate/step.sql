-- Earlier days of each case, equally far apart, on which it was in the population and as much at risk as on its index day: observed
-- through the wash-out and free of an earlier episode. Only earlier ones: illness and treatment change what comes after.
SELECT DISTINCT
    c.set_id,
    c.animal_id,
    (c.index_day - k.nth * $apart_days::INTEGER)::DATE AS index_day,
    s.farm_id,
    s.pen_id,
    s.sex,
    s.born_on,
    s.entered_on
FROM study_case AS c
CROSS JOIN (SELECT unnest(range(1, $references::INTEGER + 1))::INTEGER AS nth) AS k
JOIN study_stay AS s
    ON s.animal_id = c.animal_id
    AND c.index_day - k.nth * $apart_days::INTEGER BETWEEN s.first_day AND s.last_day
    AND c.index_day - k.nth * $apart_days::INTEGER >= s.observed_from + $washout_days::INTEGER
ANTI JOIN study_episode AS e
    ON e.animal_id = c.animal_id
    AND e.episode < c.episode
    AND c.index_day - k.nth * $apart_days::INTEGER < e.free_day
WHERE c.left_out IS NULL
QUALIFY row_number() OVER (PARTITION BY c.set_id, k.nth ORDER BY s.first_day DESC, s.pen_id) = 1
ORDER BY ALL
