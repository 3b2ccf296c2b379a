CREATE OR REPLACE VIEW known.label_current AS
SELECT * FROM label_known_as_of(known_as_of());
