-- By day: everybody at risk at each time at which a case happened in the stratum, each animal with its own day of that time as
-- index day. A partial likelihood asks for nothing else, so no other day of behaviour is read. At entry: each animal once,
-- with its first day at risk as index day, followed as long as it was there without a gap.
WITH happened AS (
    SELECT DISTINCT stratum, stop AS at FROM study_follow WHERE cause = $outcome::VARCHAR
),
by_day AS (
    SELECT
        f.stratum || '/' || h.at AS set_id,
        f.animal_id,
        coalesce(f.cause = $outcome::VARCHAR AND f.stop = h.at, false) AS is_case,
        f.first_day + (h.at - f.start - 1)::INTEGER AS index_day,
        f.farm_id,
        f.pen_id,
        f.sex,
        f.born_on,
        f.entered_on,
        f.stratum,
        h.at - 1 AS start,
        h.at AS stop,
        NULL::VARCHAR AS cause
    FROM study_follow AS f
    JOIN happened AS h ON h.stratum = f.stratum AND h.at > f.start AND h.at <= f.stop
    WHERE $by_day::BOOLEAN
),
counted AS (
    SELECT
        *,
        first_day > coalesce(lag(last_day) OVER (PARTITION BY animal_id ORDER BY first_day, pen_id) + 1, first_day) AS parted
    FROM study_follow
    WHERE NOT $by_day::BOOLEAN
),
first_run AS (
    SELECT *
    FROM counted
    QUALIFY NOT bool_or(parted) OVER (PARTITION BY animal_id ORDER BY first_day, pen_id ROWS UNBOUNDED PRECEDING)
),
at_entry AS (
    SELECT
        arg_min(stratum, first_day) AS set_id,
        animal_id,
        coalesce(arg_max(coalesce(cause, ''), first_day) = $outcome::VARCHAR, false) AS is_case,
        min(first_day) AS index_day,
        arg_min(farm_id, first_day) AS farm_id,
        arg_min(pen_id, first_day) AS pen_id,
        any_value(sex) AS sex,
        any_value(born_on) AS born_on,
        any_value(entered_on) AS entered_on,
        arg_min(stratum, first_day) AS stratum,
        min(start) AS start,
        max(stop) AS stop,
        nullif(arg_max(coalesce(cause, ''), first_day), '') AS cause
    FROM first_run
    GROUP BY animal_id
),
either AS (
    FROM by_day
    UNION ALL
    FROM at_entry
)
SELECT
    * EXCLUDE (born_on, entered_on),
    (index_day - born_on)::INTEGER AS age_days,
    (index_day - entered_on)::INTEGER AS days_on_farm
FROM either
ORDER BY set_id, is_case DESC, animal_id
