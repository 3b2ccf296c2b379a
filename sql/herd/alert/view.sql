-- Every alert as it stands now: its latest version.
CREATE OR REPLACE VIEW alert AS
SELECT *
FROM alert.alert
QUALIFY row_number() OVER (PARTITION BY alert_id ORDER BY received_at DESC) = 1;
