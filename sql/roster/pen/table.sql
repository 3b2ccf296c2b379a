CREATE TABLE roster.pen (
    pen_id      VARCHAR NOT NULL,
    farm_id     VARCHAR NOT NULL,
    name        VARCHAR NOT NULL,
    area_m2     DOUBLE,
    recorded_at TIMESTAMPTZ NOT NULL,
    retracted   BOOLEAN NOT NULL,
    source      VARCHAR NOT NULL
);
