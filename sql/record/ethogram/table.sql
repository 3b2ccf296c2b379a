CREATE TABLE record.ethogram (
    ethogram_id VARCHAR NOT NULL,
    behaviour   VARCHAR NOT NULL,
    posture     VARCHAR NOT NULL,
    species     VARCHAR NOT NULL,
    version     INTEGER NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL
);
