CREATE TABLE bridge.run (
    bridge_id        VARCHAR NOT NULL,
    from_release_id  VARCHAR NOT NULL,
    to_release_id    VARCHAR NOT NULL,
    from_sha256      VARCHAR NOT NULL,
    to_sha256        VARCHAR NOT NULL,
    clips            VARCHAR[] NOT NULL,
    seconds          DOUBLE NOT NULL,
    software_version VARCHAR NOT NULL,
    made_at          TIMESTAMPTZ NOT NULL
);
