-- Labels that meet the outcome, and the last day before each on which the animal is known to have been sound: the label's
-- own word, or the last value on the same scale that did not meet it.
WITH compared AS (
    SELECT
        l.animal_id,
        l.label_id,
        l.occurred_day AS day,
        CAST(l.occurred_after AT TIME ZONE f.timezone AS DATE) AS sound_day,
        bool_or(
            (c.texts IS NULL OR list_contains(c.texts, l.value_text))
            AND (c.severities IS NULL OR list_contains(c.severities, l.severity))
            AND (c.at_least IS NULL OR l.value_number >= c.at_least)
            AND (c.at_most IS NULL OR l.value_number <= c.at_most)
        ) AS meets,
        bool_or(coalesce(c.at_least, c.at_most) IS NOT NULL AND l.value_number IS NOT NULL) AS measured
    FROM label_current AS l
    JOIN study_criterion AS c ON c.kind = l.kind AND (c.scale IS NULL OR c.scale = l.scale)
    JOIN farm AS f USING (farm_id)
    SEMI JOIN study_stay AS s ON s.animal_id = l.animal_id
    GROUP BY l.animal_id, l.label_id, l.occurred_day, l.occurred_after, f.timezone
)
SELECT
    h.animal_id,
    h.label_id,
    h.day AS seen_day,
    greatest(h.sound_day, max(n.day)) AS sound_day
FROM compared AS h
LEFT JOIN compared AS n ON n.animal_id = h.animal_id AND n.measured AND NOT n.meets AND n.day < h.day
WHERE h.meets
GROUP BY h.animal_id, h.label_id, h.day, h.sound_day
ORDER BY ALL
