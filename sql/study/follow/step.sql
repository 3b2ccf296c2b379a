-- When each animal was at risk, stay by stay, and what that ended in. Days first_day to last_day, both ends included, are the
-- interval (start, stop] of the cohort's time. It begins late where an animal must first be observed through the wash-out
-- (left truncation), ends with an episode, and begins again after it where every case counts. An episode that is no case
-- of the study ends it too, as a censoring.
WITH stayed AS (
    SELECT
        * REPLACE (
            -- on the day of a move an animal is where it moved to
            least(last_day, lead(first_day) OVER (PARTITION BY animal_id ORDER BY first_day, pen_id) - 1) AS last_day
        ),
        CASE $time::VARCHAR WHEN 'days-on-farm' THEN entered_on WHEN 'age' THEN born_on ELSE $since::DATE END AS origin
    FROM study_stay
),
onset AS (
    SELECT animal_id, episode, coalesce(index_day, seen_day) AS day, free_day FROM study_episode
),
well AS (
    SELECT a.animal_id, NULL::DATE AS since, o.day AS until, o.episode
    FROM (SELECT DISTINCT animal_id FROM study_stay) AS a
    LEFT JOIN onset AS o ON o.animal_id = a.animal_id AND o.episode = 1
    UNION ALL
    SELECT
        animal_id,
        max(free_day) OVER (PARTITION BY animal_id ORDER BY episode ROWS UNBOUNDED PRECEDING),
        lead(day) OVER (PARTITION BY animal_id ORDER BY episode),
        lead(episode) OVER (PARTITION BY animal_id ORDER BY episode)
    FROM onset
    WHERE NOT $only_first::BOOLEAN
),
at_risk AS (
    SELECT
        s.* EXCLUDE (first_day, last_day),
        w.episode,
        greatest(s.first_day, s.observed_from + $washout_days::INTEGER, w.since, s.born_on + ($age_days::INTEGER[])[1]) AS first_day,
        least(s.last_day, w.until, s.born_on + ($age_days::INTEGER[])[2]) AS last_day
    FROM stayed AS s
    JOIN well AS w USING (animal_id)
    WHERE s.origin IS NOT NULL AND ($age_days::INTEGER[] IS NULL OR s.born_on IS NOT NULL)
),
competing AS (
    SELECT l.animal_id, l.occurred_day AS day, min(a.cause) AS cause
    FROM label_current AS l
    JOIN study_asked AS a
        ON a.cause IS NOT NULL
        AND a.kind = l.kind
        AND (a.scale IS NULL OR a.scale = l.scale)
        AND (a.texts IS NULL OR list_contains(a.texts, l.value_text))
        AND (a.severities IS NULL OR list_contains(a.severities, l.severity))
        AND (a.at_least IS NULL OR l.value_number >= a.at_least)
        AND (a.at_most IS NULL OR l.value_number <= a.at_most)
    GROUP BY l.animal_id, l.occurred_day
),
ended AS (
    SELECT
        r.*,
        r.last_day = max(r.last_day) OVER (PARTITION BY r.animal_id) AS is_last,
        coalesce(c.left_out IS NULL AND c.index_day = r.last_day AND c.pen_id = r.pen_id, false) AS falls_ill
    FROM at_risk AS r
    LEFT JOIN study_case AS c ON c.animal_id = r.animal_id AND c.episode = r.episode
    WHERE r.first_day <= r.last_day
)
SELECT
    e.animal_id,
    coalesce(
        nullif(
            concat_ws(
                ' ',
                CASE WHEN list_contains($strata::VARCHAR[], 'farm') THEN e.farm_id END,
                CASE WHEN list_contains($strata::VARCHAR[], 'pen') THEN e.pen_id END,
                CASE WHEN list_contains($strata::VARCHAR[], 'sex') THEN coalesce(e.sex, 'unknown') END
            ),
            ''
        ),
        'all'
    ) AS stratum,
    e.farm_id,
    e.pen_id,
    e.sex,
    e.born_on,
    e.entered_on,
    e.first_day,
    e.last_day,
    (e.first_day - e.origin)::INTEGER AS start,
    (e.last_day - e.origin + 1)::INTEGER AS stop,
    CASE
        WHEN e.falls_ill THEN $outcome::VARCHAR
        -- farms date a departure on the last day in the pen or on the day after
        WHEN e.is_last
            THEN (
                SELECT min(c.cause)
                FROM competing AS c
                WHERE c.animal_id = e.animal_id AND c.day BETWEEN e.last_day AND e.last_day + 1
            )
    END AS cause
FROM ended AS e
ORDER BY e.animal_id, e.first_day, e.pen_id
