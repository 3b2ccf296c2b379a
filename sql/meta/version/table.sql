CREATE TABLE meta.version (
    version          INTEGER NOT NULL,
    digest           VARCHAR NOT NULL,
    herdbook_version VARCHAR NOT NULL,
    migrated_at      TIMESTAMPTZ NOT NULL
);
