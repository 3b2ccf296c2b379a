CREATE TABLE record.activity (
    load_id        VARCHAR NOT NULL,
    tracklet_id    VARCHAR NOT NULL,
    hour           TIMESTAMPTZ NOT NULL,
    observed_s     FLOAT NOT NULL,
    distance_px    FLOAT NOT NULL,
    distance_m     FLOAT,
    speed_p95_m_s  FLOAT,
    body_length_m  FLOAT,
    body_area_m2   FLOAT,
    calibration_id VARCHAR,
    clip           VARCHAR,
    release_id     VARCHAR NOT NULL
);
