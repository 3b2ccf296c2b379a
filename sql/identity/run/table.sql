CREATE TABLE identity.run (
    run_id      VARCHAR NOT NULL,
    load_id     VARCHAR NOT NULL,
    tracklets   BIGINT NOT NULL,
    claims      BIGINT NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL
);
