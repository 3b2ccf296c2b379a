-- What was believed at an instant: of each tracklet of the loads that were current then the latest word of a person, if it
-- holds, otherwise the latest claim recorded by then. A claim that was set aside gives way until a later one is made.
CREATE OR REPLACE MACRO identity_known_as_of(ts) AS TABLE
SELECT
    d.farm_id,
    d.device_id,
    d.day,
    c.* EXCLUDE (binds),
    c.animal_id IS NOT NULL AND c.confidence >= identity_threshold() AS identified
FROM (
    SELECT load_id, farm_id, device_id, day
    FROM record.device_day
    WHERE loaded_at <= utc_instant(ts)
    QUALIFY row_number() OVER (PARTITION BY device_id, day ORDER BY revision DESC, loaded_at DESC, load_id DESC) = 1
) AS d
JOIN (
    SELECT claim_id, load_id, tracklet_id, animal_id, confidence, method, space_id, recorded_at, run_id, false AS binds
    FROM identity.claim
    UNION ALL
    SELECT
        x.decision_id AS claim_id,
        x.load_id,
        x.tracklet_id,
        CASE WHEN x.says = 'is' THEN x.animal_id END AS animal_id,
        x.confidence,
        x.method,
        NULL AS space_id,
        x.recorded_at,
        x.operation_id AS run_id,
        x.says <> 'set aside' AS binds
    FROM identity.decision AS x
    ANTI JOIN (
        SELECT undoes FROM identity.operation WHERE undoes IS NOT NULL AND recorded_at <= utc_instant(ts)
    ) AS u ON u.undoes = x.operation_id
    WHERE x.says IN ('is', 'nobody', 'set aside')
) AS c USING (load_id)
WHERE c.recorded_at <= utc_instant(ts)
QUALIFY row_number() OVER (
    PARTITION BY d.device_id, d.day, c.load_id, c.tracklet_id ORDER BY c.binds DESC, c.recorded_at DESC, c.claim_id DESC
) = 1;
