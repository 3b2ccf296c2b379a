CREATE TABLE roster.animal_identifier (
    animal_id   VARCHAR NOT NULL,
    farm_id     VARCHAR NOT NULL,
    scheme      VARCHAR NOT NULL,
    identifier  VARCHAR NOT NULL,
    valid_from  TIMESTAMPTZ NOT NULL,
    valid_to    TIMESTAMPTZ,
    recorded_at TIMESTAMPTZ NOT NULL,
    retracted   BOOLEAN NOT NULL,
    source      VARCHAR NOT NULL
);
