CREATE TABLE roster.device (
    device_id   VARCHAR NOT NULL,
    farm_id     VARCHAR NOT NULL,
    sku         VARCHAR,
    recorded_at TIMESTAMPTZ NOT NULL,
    retracted   BOOLEAN NOT NULL,
    source      VARCHAR NOT NULL
);
