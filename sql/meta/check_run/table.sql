CREATE TABLE meta.check_run (
    checked_at TIMESTAMPTZ NOT NULL
);
