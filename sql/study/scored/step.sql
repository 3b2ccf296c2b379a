-- Labels of the kinds and scales that the outcome asks about, and whether each meets it.
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
ORDER BY ALL
