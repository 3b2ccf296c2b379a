CREATE TABLE roster.pen_stay (
    animal_id   VARCHAR NOT NULL,
    pen_id      VARCHAR NOT NULL,
    valid_from  TIMESTAMPTZ NOT NULL,
    valid_to    TIMESTAMPTZ,
    recorded_at TIMESTAMPTZ NOT NULL,
    retracted   BOOLEAN NOT NULL,
    source      VARCHAR NOT NULL
);
