CREATE TABLE identity.operation (
    operation_id    VARCHAR NOT NULL,
    kind            VARCHAR NOT NULL,
    animal_id       VARCHAR,
    other_animal_id VARCHAR,
    valid_from      TIMESTAMPTZ,
    valid_to        TIMESTAMPTZ,
    undoes          VARCHAR,
    reason          VARCHAR,
    detail          VARCHAR,
    recorded_at     TIMESTAMPTZ NOT NULL,
    recorded_by     VARCHAR NOT NULL
);
