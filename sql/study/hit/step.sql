-- Labels that meet the outcome, and the last day before each on which the animal is known to have been sound: the label's
-- own word, or the last value on the same scale that did not meet it.
SELECT
    h.animal_id,
    h.label_id,
    h.day AS seen_day,
    greatest(h.sound_day, max(n.day)) AS sound_day
FROM study_scored AS h
LEFT JOIN study_scored AS n ON n.animal_id = h.animal_id AND n.measured AND NOT n.meets AND n.day < h.day
WHERE h.meets
GROUP BY h.animal_id, h.label_id, h.day, h.sound_day
ORDER BY ALL
