-- What was believed at an instant: of each current tracklet the latest claim recorded by then.
CREATE OR REPLACE MACRO identity_known_as_of(ts) AS TABLE
SELECT
    d.farm_id,
    d.device_id,
    d.day,
    c.*,
    c.animal_id IS NOT NULL AND c.confidence >= identity_threshold() AS identified
FROM device_day AS d
JOIN identity.claim AS c USING (load_id)
WHERE c.recorded_at <= CAST(ts AS TIMESTAMPTZ)
QUALIFY row_number() OVER (
    PARTITION BY d.device_id, d.day, c.load_id, c.tracklet_id ORDER BY c.recorded_at DESC, c.claim_id DESC
) = 1;
