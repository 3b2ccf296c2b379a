-- A moment as an instant, whatever the session's time zone: dates and times without a zone are UTC.
CREATE OR REPLACE MACRO utc_instant(moment) AS
CASE
    WHEN typeof(moment) = 'TIMESTAMP WITH TIME ZONE' THEN CAST(moment AS TIMESTAMPTZ)
    ELSE CAST(moment AS TIMESTAMP) AT TIME ZONE 'UTC'
END;
