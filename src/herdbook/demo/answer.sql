-- What did lame animals do on the days before the farm noticed, against their sound pen mates on the same days?
-- Lame: locomotion score 3 or more of 5. Time not seen is not counted as anything: rates are per observed hour.
WITH noticed AS (
    SELECT l.animal_id, min((l.occurred_by AT TIME ZONE f.timezone)::DATE) AS day
    FROM label_current AS l
    JOIN farm AS f USING (farm_id)
    WHERE l.kind = 'lameness_score' AND l.scale = 'locomotion-1-5' AND l.value_number >= 3
    GROUP BY l.animal_id
),
before AS (
    SELECT d.*, 'lame' AS animals
    FROM animal_day AS d
    JOIN noticed AS n ON n.animal_id = d.animal_id AND d.day < n.day
),
compared AS (
    SELECT * FROM before
    UNION ALL BY NAME
    SELECT d.*, 'sound' AS animals
    FROM animal_day AS d
    SEMI JOIN before AS b ON b.pen_id = d.pen_id AND b.day = d.day
    ANTI JOIN noticed AS n ON n.animal_id = d.animal_id
)
SELECT
    animals,
    count(DISTINCT animal_id) FILTER (behaviour_s > 0) AS n,
    count(*) FILTER (behaviour_s > 0) AS animal_days,
    round(sum(behaviour_s) / 3600, 2) AS observed_hours,
    round(60 * sum(lying_s) / sum(behaviour_s), 1) AS lying_min_per_observed_hour,
    round(3600 * sum(distance_m) / sum(distance_observed_s), 1) AS metres_per_observed_hour
FROM compared
GROUP BY animals
ORDER BY animals;
