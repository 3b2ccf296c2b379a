CREATE TABLE meta.pin (
    name        VARCHAR NOT NULL,
    snapshot_id BIGINT NOT NULL,
    reason      VARCHAR,
    recorded_at TIMESTAMPTZ NOT NULL,
    retracted   BOOLEAN NOT NULL
);
