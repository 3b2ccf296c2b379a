CREATE TABLE record.coverage (
    load_id    VARCHAR NOT NULL,
    camera_id  VARCHAR NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    ended_at   TIMESTAMPTZ NOT NULL,
    state      VARCHAR NOT NULL,
    reason     VARCHAR
);
