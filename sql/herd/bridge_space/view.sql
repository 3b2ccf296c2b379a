-- How well vectors of one embedding space can be turned into another's: the latest bridge run between any two releases.
CREATE OR REPLACE VIEW bridge_space AS
WITH latest AS (
    SELECT bridge_id, from_release_id, to_release_id, made_at
    FROM bridge.run
    QUALIFY row_number() OVER (PARTITION BY from_release_id, to_release_id ORDER BY made_at DESC, bridge_id DESC) = 1
)
SELECT l.from_release_id, l.to_release_id, s.* EXCLUDE (bridge_id), l.made_at, s.bridge_id
FROM latest AS l
JOIN bridge.space AS s USING (bridge_id);
