-- Observed hours per day of the windows of cases and of the others, by week. Every day of a window counts, seen or not: where one
-- group was seen better, its exposures are known better too.
WITH asked AS (
    SELECT
        m.set_id,
        m.animal_id,
        m.index_day,
        m.is_case,
        (m.index_day - $lag_days::INTEGER - w.back)::DATE AS day
    FROM study_member AS m
    CROSS JOIN (SELECT unnest(range($window_days::INTEGER))::INTEGER AS back) AS w
)
SELECT
    date_trunc('week', a.day)::DATE AS week,
    CASE WHEN a.is_case THEN 'case' ELSE 'control' END AS role,
    count(*) AS window_days,
    count(*) FILTER (d.behaviour_s > 0) AS seen_days,
    round(coalesce(sum(CAST(round(d.behaviour_s) AS BIGINT)), 0) / count(*) / 3600, 4) AS mean_hours
FROM asked AS a
LEFT JOIN study_day AS d USING (set_id, animal_id, index_day, day)
GROUP BY 1, a.is_case
ORDER BY week, a.is_case DESC
