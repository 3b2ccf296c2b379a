-- check: animal_known severity: fail
-- An enrolment is of an animal that is not on the roster.
SELECT enrolment_id, animal_id
FROM enrolment
ANTI JOIN animal USING (animal_id);
