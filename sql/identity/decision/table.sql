CREATE TABLE identity.decision (
    decision_id  VARCHAR NOT NULL,
    operation_id VARCHAR NOT NULL,
    load_id      VARCHAR NOT NULL,
    tracklet_id  VARCHAR NOT NULL,
    says         VARCHAR NOT NULL,
    animal_id    VARCHAR,
    confidence   FLOAT NOT NULL,
    method       VARCHAR NOT NULL,
    recorded_at  TIMESTAMPTZ NOT NULL
);
