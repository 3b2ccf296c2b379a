CREATE TABLE label.sync (
    name      VARCHAR NOT NULL,
    url       VARCHAR NOT NULL,
    token     VARCHAR NOT NULL,
    import_id VARCHAR NOT NULL,
    synced_at TIMESTAMPTZ NOT NULL
);
