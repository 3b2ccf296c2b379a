-- How much of each exposure is missing among the drawn, and how well windows were observed, for cases and controls apart:
-- where the two differ, what is missing is not missing by chance.
SELECT
    a.measure,
    CASE WHEN m.is_case THEN 'case' ELSE 'control' END AS role,
    count(*) AS rows_drawn,
    count(*) - count(e.value) AS missing,
    round((count(*) - count(e.value)) / count(*), 6) AS missing_share,
    round(sum(coalesce(e.days, 0)) / count(*), 4) AS mean_days,
    round(sum(e.observed_s) / nullif(sum(e.days), 0) / 3600, 4) AS mean_hours_per_day
FROM study_member AS m
CROSS JOIN (SELECT unnest($measures::VARCHAR[]) AS measure) AS a
LEFT JOIN study_exposure AS e
    ON e.set_id = m.set_id AND e.animal_id = m.animal_id AND e.index_day = m.index_day AND e.measure = a.measure
GROUP BY a.measure, m.is_case
ORDER BY list_position($measures::VARCHAR[], a.measure), m.is_case DESC
