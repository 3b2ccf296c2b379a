-- Every episode, with where the animal was on its index day, or the first reason why it is no case of this study.
WITH placed AS (
    SELECT e.*, s.* EXCLUDE (animal_id, first_day, last_day)
    FROM study_episode AS e
    LEFT JOIN study_stay AS s
        ON s.animal_id = e.animal_id AND e.index_day BETWEEN s.first_day AND s.last_day
    QUALIFY row_number() OVER (PARTITION BY e.animal_id, e.episode ORDER BY s.first_day DESC, s.pen_id) = 1
)
SELECT
    p.animal_id || '/' || p.episode AS set_id,
    p.*,
    CASE
        WHEN p.index_day IS NULL THEN 'no day is known on which it was sound'
        WHEN $longest_interval_days::INTEGER IS NOT NULL
            AND coalesce(p.seen_day - p.sound_day > $longest_interval_days::INTEGER, true)
            THEN 'its onset is not known closely enough'
        WHEN p.index_day NOT BETWEEN $since::DATE AND $until::DATE THEN 'its index day lies outside the study'
        WHEN p.pen_id IS NULL THEN 'it was in no pen of the population on its index day'
        WHEN $age_days::INTEGER[] IS NOT NULL
            AND coalesce(p.index_day - p.born_on NOT BETWEEN ($age_days::INTEGER[])[1] AND ($age_days::INTEGER[])[2], true)
            THEN 'its age is outside the population''s'
        WHEN p.index_day < p.observed_from + $washout_days::INTEGER THEN 'it was not observed through the wash-out'
        WHEN $only_first::BOOLEAN AND p.episode > 1 THEN 'it is not the animal''s first'
        WHEN EXISTS (
            FROM study_episode AS e
            WHERE e.animal_id = p.animal_id AND e.episode < p.episode AND p.index_day < e.free_day
        ) THEN 'it follows an earlier one too soon'
    END AS left_out
FROM placed AS p
ORDER BY p.animal_id, p.episode
