CREATE TABLE roster.animal (
    animal_id   VARCHAR NOT NULL,
    farm_id     VARCHAR NOT NULL,
    species     VARCHAR NOT NULL,
    sex         VARCHAR,
    born_on     DATE,
    recorded_at TIMESTAMPTZ NOT NULL,
    retracted   BOOLEAN NOT NULL,
    source      VARCHAR NOT NULL
);
