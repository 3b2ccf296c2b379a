-- The releases that saw the windows, from when to when.
SELECT release_id, min(day) AS first_day, max(day) AS last_day, count(DISTINCT (animal_id, day)) AS seen_days
FROM (SELECT unnest(map_keys(releases)) AS release_id, animal_id, day FROM study_day)
GROUP BY release_id
ORDER BY first_day, last_day, release_id
