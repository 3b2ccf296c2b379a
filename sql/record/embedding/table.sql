CREATE TABLE record.embedding (
    load_id     VARCHAR NOT NULL,
    tracklet_id VARCHAR NOT NULL,
    "at"        TIMESTAMPTZ NOT NULL,
    space_id    VARCHAR NOT NULL,
    vector      TINYINT[] NOT NULL,
    scale       FLOAT NOT NULL,
    quality     FLOAT NOT NULL,
    clip        VARCHAR,
    release_id  VARCHAR NOT NULL
);
