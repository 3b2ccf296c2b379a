-- check: animal_known severity: fail
-- A stay is of an animal that is not on the roster.
SELECT animal_id, pen_id, valid_from
FROM pen_stay
ANTI JOIN animal USING (animal_id);

-- check: pen_known severity: fail
-- A stay is in a pen that is not on the roster.
SELECT animal_id, pen_id, valid_from
FROM pen_stay
ANTI JOIN pen USING (pen_id);

-- check: one_pen_at_a_time severity: fail
-- An animal is in two pens at once.
SELECT animal_id, pen_id, valid_from, valid_to
FROM pen_stay
QUALIFY valid_from < max(coalesce(valid_to, 'infinity')) OVER (
    PARTITION BY animal_id ORDER BY valid_from, pen_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
);
