-- What people said about who is who, newest first to read, and whether it still holds.
CREATE OR REPLACE VIEW identity_operation AS
SELECT
    o.* EXCLUDE (detail),
    u.recorded_at IS NULL AS holds,
    u.recorded_at AS undone_at,
    coalesce(d.tracklets, 0) AS tracklets
FROM identity.operation AS o
LEFT JOIN identity.operation AS u ON u.undoes = o.operation_id
LEFT JOIN (
    SELECT operation_id, count(DISTINCT (load_id, tracklet_id)) AS tracklets
    FROM identity.decision
    GROUP BY operation_id
) AS d ON d.operation_id = o.operation_id;
