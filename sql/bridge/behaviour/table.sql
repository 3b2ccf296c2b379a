CREATE TABLE bridge.behaviour (
    bridge_id  VARCHAR NOT NULL,
    behaviour  VARCHAR NOT NULL,
    from_share DOUBLE,
    to_share   DOUBLE,
    difference DOUBLE,
    low        DOUBLE,
    high       DOUBLE,
    level      VARCHAR,
    units      INTEGER NOT NULL
);
