CREATE TABLE record.camera_setup (
    load_id   VARCHAR NOT NULL,
    camera_id VARCHAR NOT NULL,
    pen_id    VARCHAR NOT NULL,
    width     INTEGER NOT NULL,
    height    INTEGER NOT NULL,
    fps       DOUBLE NOT NULL,
    setup     VARCHAR NOT NULL
);
