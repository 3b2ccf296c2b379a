-- Seconds and bouts per behaviour. Every behaviour of the ethogram in use has a row while the animal was observed: 0 says
-- that it was not seen doing so within behaviour_s; an animal that was not observed has no row.
CREATE OR REPLACE VIEW animal_day_behaviour AS
WITH done AS (
    SELECT farm_id, animal_id, day, ethogram_id, behaviour, sum(seconds) AS seconds, count(*) AS bouts
    FROM animal_timeline
    GROUP BY farm_id, animal_id, day, ethogram_id, behaviour
),
possible AS (
    SELECT farm_id, animal_id, day, ethogram_id, behaviour, seconds, bouts FROM done
    UNION ALL
    SELECT d.farm_id, d.animal_id, d.day, d.ethogram_id, e.behaviour, 0 AS seconds, 0 AS bouts
    FROM (SELECT DISTINCT farm_id, animal_id, day, ethogram_id FROM done) AS d
    JOIN ethogram AS e USING (ethogram_id)
)
SELECT
    p.farm_id,
    p.animal_id,
    p.day,
    p.behaviour,
    any_value(e.posture) AS posture,
    sum(p.seconds) AS seconds,
    sum(p.bouts)::BIGINT AS bouts,
    sum(sum(p.seconds)) OVER (PARTITION BY p.farm_id, p.animal_id, p.day) AS behaviour_s
FROM possible AS p
LEFT JOIN ethogram AS e USING (ethogram_id, behaviour)
GROUP BY p.farm_id, p.animal_id, p.day, p.behaviour;
