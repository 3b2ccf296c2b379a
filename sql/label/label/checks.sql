-- check: interval_in_order severity: fail
-- A label became true before it was last known not to be.
SELECT label_id, occurred_after, occurred_by
FROM label_current
WHERE occurred_after >= occurred_by;

-- check: animal_known severity: fail
-- A label is about an animal that is not on the roster.
SELECT label_id, animal_id
FROM label_current
ANTI JOIN animal USING (animal_id);

-- check: one_farm_per_label severity: fail
-- One label_id stands for facts of several farms: they would hide each other.
SELECT label_id
FROM label.label
GROUP BY label_id
HAVING count(DISTINCT farm_id) > 1;

-- check: one_version_at_a_time severity: fail
-- One label has two versions received at the same instant that differ.
SELECT label_id, received_at
FROM label.label
GROUP BY label_id, received_at
HAVING count(DISTINCT (value_number, value_text, occurred_by, retracted)) > 1;

-- check: alive_when_seen severity: warn
-- A label was seen on a later day than its animal's death, which reached us after it.
SELECT l.label_id, l.animal_id, l.kind, l.occurred_day, d.occurred_day AS died
FROM label_current AS l
JOIN (
    SELECT animal_id, min(occurred_day) AS occurred_day
    FROM label_current
    WHERE kind = 'death'
    GROUP BY animal_id
) AS d ON d.animal_id = l.animal_id AND d.occurred_day < l.occurred_day
WHERE l.kind NOT IN ('death', 'departure', 'arrival');

-- check: recorded_before_received severity: warn
-- A label reached us before it was written down: a clock or a time zone is wrong.
SELECT label_id, recorded_at, received_at
FROM label_current
WHERE recorded_at > received_at;
