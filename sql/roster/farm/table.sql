CREATE TABLE roster.farm (
    farm_id     VARCHAR NOT NULL,
    name        VARCHAR NOT NULL,
    timezone    VARCHAR NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    retracted   BOOLEAN NOT NULL,
    source      VARCHAR NOT NULL
);
