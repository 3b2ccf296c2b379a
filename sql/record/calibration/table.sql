CREATE TABLE record.calibration (
    load_id        VARCHAR NOT NULL,
    calibration_id VARCHAR NOT NULL,
    camera_id      VARCHAR NOT NULL,
    valid_from     TIMESTAMPTZ NOT NULL,
    valid_to       TIMESTAMPTZ,
    homography     DOUBLE[] NOT NULL,
    error_m        DOUBLE
);
