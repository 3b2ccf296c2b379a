-- Stays in the population's pens as farm-local days, both ends included. They end with what ends an animal's time, and with
-- the study; they are not cut at its beginning, since an animal's entry is needed.
WITH of_animal AS (
    SELECT animal_id, sex, born_on
    FROM animal
    WHERE
        ($species::VARCHAR IS NULL OR species = $species::VARCHAR)
        AND ($sexes::VARCHAR[] IS NULL OR list_contains($sexes::VARCHAR[], sex))
),
left_on AS (
    SELECT animal_id, occurred_day AS day
    FROM label_current
    WHERE list_contains($leave_on::VARCHAR[], kind)
),
kept AS (
    SELECT
        s.animal_id,
        p.farm_id,
        s.pen_id,
        a.sex,
        a.born_on,
        CAST(s.valid_from AT TIME ZONE f.timezone AS DATE) AS first_day,
        CAST((s.valid_to - INTERVAL 1 MICROSECOND) AT TIME ZONE f.timezone AS DATE) AS last_day
    FROM pen_stay AS s
    JOIN of_animal AS a USING (animal_id)
    JOIN pen AS p USING (pen_id)
    JOIN farm AS f ON f.farm_id = p.farm_id
    WHERE
        ($farms::VARCHAR[] IS NULL OR list_contains($farms::VARCHAR[], p.farm_id))
        AND ($pens::VARCHAR[] IS NULL OR list_contains($pens::VARCHAR[], s.pen_id))
),
ended AS (
    SELECT
        k.animal_id,
        k.farm_id,
        k.pen_id,
        k.sex,
        k.born_on,
        k.first_day,
        least(k.last_day, min(l.day), $until::DATE) AS last_day
    FROM kept AS k
    LEFT JOIN left_on AS l ON l.animal_id = k.animal_id AND l.day >= k.first_day
    GROUP BY k.animal_id, k.farm_id, k.pen_id, k.sex, k.born_on, k.first_day, k.last_day
)
SELECT
    animal_id,
    farm_id,
    pen_id,
    first_day,
    last_day,
    sex,
    born_on,
    min(first_day) OVER (PARTITION BY animal_id) AS entered_on,
    greatest(min(first_day) OVER (PARTITION BY animal_id), $since::DATE) AS observed_from
FROM ended
WHERE last_day >= first_day
ORDER BY ALL
