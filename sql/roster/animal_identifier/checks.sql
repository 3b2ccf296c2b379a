-- check: animal_known severity: fail
-- An identifier belongs to an animal that is not on the roster.
SELECT animal_id, scheme, identifier
FROM animal_identifier
ANTI JOIN animal USING (animal_id);

-- check: one_animal_at_a_time severity: fail
-- A tag of one farm names two animals at once.
SELECT farm_id, scheme, identifier, animal_id, valid_from, valid_to
FROM animal_identifier
QUALIFY valid_from < max(coalesce(valid_to, 'infinity')) OVER (
    PARTITION BY farm_id, scheme, identifier ORDER BY valid_from, animal_id
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
);
