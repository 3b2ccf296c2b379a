CREATE OR REPLACE VIEW label_current AS
SELECT * FROM label_known_as_of('infinity');
