-- The instant as of which the schema "known" is read: SET VARIABLE known_as_of = DATE '2026-03-01'; now where it is not set.
CREATE OR REPLACE MACRO known_as_of() AS utc_instant(coalesce(getvariable('known_as_of'), 'infinity'));
