CREATE TABLE label.message (
    message_id    VARCHAR NOT NULL,
    farm_id       VARCHAR NOT NULL,
    source        VARCHAR NOT NULL,
    source_id     VARCHAR NOT NULL,
    resource_type VARCHAR NOT NULL,
    modified_at   TIMESTAMPTZ,
    retracted     BOOLEAN NOT NULL,
    body          VARCHAR NOT NULL,
    place         BIGINT NOT NULL,
    received_at   TIMESTAMPTZ NOT NULL,
    import_id     VARCHAR NOT NULL
);
