-- What was believed at an instant: of each tracklet of the loads that were current then the latest claim recorded by then.
CREATE OR REPLACE MACRO identity_known_as_of(ts) AS TABLE
SELECT
    d.farm_id,
    d.device_id,
    d.day,
    c.*,
    c.animal_id IS NOT NULL AND c.confidence >= identity_threshold() AS identified
FROM (
    SELECT load_id, farm_id, device_id, day
    FROM record.device_day
    WHERE loaded_at <= utc_instant(ts)
    QUALIFY row_number() OVER (PARTITION BY device_id, day ORDER BY revision DESC, loaded_at DESC, load_id DESC) = 1
) AS d
JOIN identity.claim AS c USING (load_id)
WHERE c.recorded_at <= utc_instant(ts)
QUALIFY row_number() OVER (
    PARTITION BY d.device_id, d.day, c.load_id, c.tracklet_id ORDER BY c.recorded_at DESC, c.claim_id DESC
) = 1;
