CREATE OR REPLACE VIEW identity AS
SELECT * FROM identity_known_as_of('infinity');
