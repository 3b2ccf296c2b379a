CREATE TABLE sensor.reading (
    reading_id  VARCHAR NOT NULL,
    animal_id   VARCHAR NOT NULL,
    farm_id     VARCHAR NOT NULL,
    source      VARCHAR NOT NULL,
    measure     VARCHAR NOT NULL,
    starts_at   TIMESTAMPTZ NOT NULL,
    ends_at     TIMESTAMPTZ NOT NULL,
    value       DOUBLE,
    unit        VARCHAR NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    import_id   VARCHAR NOT NULL
);
