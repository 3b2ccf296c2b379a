-- check: decision_id_unique severity: fail
-- A decision is there twice.
SELECT decision_id
FROM identity.decision
GROUP BY decision_id
HAVING count(*) > 1;

-- check: operation_known severity: fail
-- A decision belongs to no operation.
SELECT decision_id, operation_id
FROM identity.decision
ANTI JOIN identity.operation USING (operation_id);
