CREATE TABLE identity.claim (
    claim_id    VARCHAR NOT NULL,
    load_id     VARCHAR NOT NULL,
    tracklet_id VARCHAR NOT NULL,
    animal_id   VARCHAR,
    confidence  FLOAT NOT NULL,
    method      VARCHAR NOT NULL,
    space_id    VARCHAR,
    recorded_at TIMESTAMPTZ NOT NULL,
    run_id      VARCHAR NOT NULL
);
