-- The animals that were followed.
SELECT animal_id, min(first_day) AS first_day, max(last_day) AS last_day, sum(stop - start)::BIGINT AS days_at_risk
FROM study_follow
GROUP BY animal_id
ORDER BY animal_id
