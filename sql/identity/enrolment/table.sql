CREATE TABLE identity.enrolment (
    enrolment_id VARCHAR NOT NULL,
    animal_id    VARCHAR NOT NULL,
    tracklet_id  VARCHAR NOT NULL,
    space_id     VARCHAR NOT NULL,
    "at"         TIMESTAMPTZ NOT NULL,
    vector       TINYINT[] NOT NULL,
    scale        FLOAT NOT NULL,
    recorded_at  TIMESTAMPTZ NOT NULL,
    recorded_by  VARCHAR NOT NULL,
    retracted    BOOLEAN NOT NULL
);
