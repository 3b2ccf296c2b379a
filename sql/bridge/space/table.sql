CREATE TABLE bridge.space (
    bridge_id        VARCHAR NOT NULL,
    from_space_id    VARCHAR NOT NULL,
    to_space_id      VARCHAR NOT NULL,
    from_dimensions  INTEGER NOT NULL,
    to_dimensions    INTEGER NOT NULL,
    method           VARCHAR,
    pairs            INTEGER NOT NULL,
    held_out         VARCHAR,
    cosine           DOUBLE,
    cosine_strangers DOUBLE,
    queries          INTEGER NOT NULL,
    rank1_across     DOUBLE,
    rank1_within     DOUBLE,
    map_sha256       VARCHAR
);
