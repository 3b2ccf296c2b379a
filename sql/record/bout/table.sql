CREATE TABLE record.bout (
    load_id     VARCHAR NOT NULL,
    tracklet_id VARCHAR NOT NULL,
    started_at  TIMESTAMPTZ NOT NULL,
    ended_at    TIMESTAMPTZ NOT NULL,
    behaviour   VARCHAR NOT NULL,
    probability FLOAT NOT NULL,
    zone_id     VARCHAR,
    clip        VARCHAR,
    release_id  VARCHAR NOT NULL
);
