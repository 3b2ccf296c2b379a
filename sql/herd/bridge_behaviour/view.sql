-- What a change of model alone does to each behaviour: the latest bridge run between any two releases.
CREATE OR REPLACE VIEW bridge_behaviour AS
WITH latest AS (
    SELECT bridge_id, from_release_id, to_release_id, seconds, made_at
    FROM bridge.run
    QUALIFY row_number() OVER (PARTITION BY from_release_id, to_release_id ORDER BY made_at DESC, bridge_id DESC) = 1
)
SELECT l.from_release_id, l.to_release_id, b.* EXCLUDE (bridge_id), l.seconds, l.made_at, b.bridge_id
FROM latest AS l
JOIN bridge.behaviour AS b USING (bridge_id);
