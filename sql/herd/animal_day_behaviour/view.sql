-- Seconds and bouts per behaviour. Every behaviour of the ethogram in use has a row while the animal was observed: 0 says
-- that it was not seen doing so within behaviour_s; an animal that was not observed has no row. Where releases of two
-- ethograms share a day, a behaviour's denominator is the time under those that have it.
CREATE OR REPLACE VIEW animal_day_behaviour AS
WITH done AS (
    SELECT farm_id, animal_id, day, ethogram_id, behaviour, sum(seconds) AS seconds, count(*) AS bouts
    FROM animal_timeline
    GROUP BY farm_id, animal_id, day, ethogram_id, behaviour
),
used AS (
    SELECT farm_id, animal_id, day, ethogram_id, sum(seconds) AS ethogram_s
    FROM done
    GROUP BY farm_id, animal_id, day, ethogram_id
),
-- One row per ethogram and behaviour of it.
possible AS (
    SELECT
        farm_id,
        animal_id,
        day,
        behaviour,
        any_value(posture) AS posture,
        sum(seconds) AS seconds,
        sum(bouts) AS bouts,
        any_value(ethogram_s) AS ethogram_s
    FROM (
        SELECT d.*, e.posture, u.ethogram_s
        FROM done AS d
        JOIN used AS u
            ON u.farm_id = d.farm_id AND u.animal_id = d.animal_id AND u.day = d.day
            AND u.ethogram_id IS NOT DISTINCT FROM d.ethogram_id
        LEFT JOIN ethogram AS e ON e.ethogram_id = d.ethogram_id AND e.behaviour = d.behaviour
        UNION ALL BY NAME
        SELECT u.*, e.behaviour, e.posture, 0 AS seconds, 0 AS bouts
        FROM used AS u
        JOIN ethogram AS e USING (ethogram_id)
    )
    GROUP BY farm_id, animal_id, day, ethogram_id, behaviour
)
SELECT
    farm_id,
    animal_id,
    day,
    behaviour,
    any_value(posture) AS posture,
    sum(seconds) AS seconds,
    sum(bouts)::BIGINT AS bouts,
    sum(ethogram_s) AS behaviour_s
FROM possible
GROUP BY farm_id, animal_id, day, behaviour;
