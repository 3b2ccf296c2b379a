CREATE TABLE record.tracklet (
    load_id     VARCHAR NOT NULL,
    tracklet_id VARCHAR NOT NULL,
    camera_id   VARCHAR NOT NULL,
    started_at  TIMESTAMPTZ NOT NULL,
    ended_at    TIMESTAMPTZ NOT NULL,
    frames      INTEGER NOT NULL,
    confidence  FLOAT NOT NULL,
    clip        VARCHAR,
    release_id  VARCHAR NOT NULL
);
