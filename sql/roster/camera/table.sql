CREATE TABLE roster.camera (
    camera_id     VARCHAR NOT NULL,
    pen_id        VARCHAR NOT NULL,
    device_id     VARCHAR NOT NULL,
    disjoint_from VARCHAR[],
    valid_from    TIMESTAMPTZ NOT NULL,
    valid_to      TIMESTAMPTZ,
    recorded_at   TIMESTAMPTZ NOT NULL,
    retracted     BOOLEAN NOT NULL,
    source        VARCHAR NOT NULL
);
