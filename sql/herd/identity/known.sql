CREATE OR REPLACE VIEW known.identity AS
SELECT * FROM identity_known_as_of(known_as_of());
