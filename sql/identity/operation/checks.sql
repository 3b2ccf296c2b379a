-- check: operation_id_unique severity: fail
-- An operation is there twice.
SELECT operation_id
FROM identity.operation
GROUP BY operation_id
HAVING count(*) > 1;

-- check: undone_once severity: fail
-- An operation is undone twice, before it was made, or is not there.
SELECT u.operation_id, u.undoes
FROM identity.operation AS u
LEFT JOIN identity.operation AS o ON o.operation_id = u.undoes
WHERE u.undoes IS NOT NULL
QUALIFY o.operation_id IS NULL OR o.recorded_at >= u.recorded_at OR count(*) OVER (PARTITION BY u.undoes) > 1;
