CREATE TABLE record.model_release (
    load_id     VARCHAR NOT NULL,
    release_id  VARCHAR NOT NULL,
    engine      VARCHAR NOT NULL,
    space_id    VARCHAR NOT NULL,
    dimensions  INTEGER NOT NULL,
    ethogram_id VARCHAR NOT NULL
);
