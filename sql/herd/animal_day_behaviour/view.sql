-- Seconds and bouts per behaviour. Every behaviour of the ethogram in use has a row while the animal was observed: 0 says
-- that it was not seen doing so within behaviour_s; an animal that was not observed has no row. Where releases of two
-- ethograms share a day, a behaviour's denominator is the time under those that have it.
-- No step is read twice: a filter on day then goes down to the records, which it does not through steps read twice.
CREATE OR REPLACE VIEW animal_day_behaviour AS
WITH done AS (
    SELECT farm_id, animal_id, day, ethogram_id, behaviour, posture, sum(seconds) AS seconds, count(*) AS bouts
    FROM animal_timeline
    GROUP BY farm_id, animal_id, day, ethogram_id, behaviour, posture
),
used AS (
    SELECT
        farm_id,
        animal_id,
        day,
        ethogram_id,
        sum(seconds) AS ethogram_s,
        list({'behaviour': behaviour, 'posture': posture, 'seconds': seconds, 'bouts': bouts}) AS done
    FROM done
    GROUP BY farm_id, animal_id, day, ethogram_id
),
possible AS (
    SELECT ethogram_id, list({'behaviour': behaviour, 'posture': posture, 'seconds': 0.0, 'bouts': 0}) AS zero
    FROM ethogram
    GROUP BY ethogram_id
),
told AS (
    SELECT u.farm_id, u.animal_id, u.day, u.ethogram_id, u.ethogram_s, unnest(list_concat(u.done, p.zero), recursive := true)
    FROM used AS u
    LEFT JOIN possible AS p USING (ethogram_id)
),
by_ethogram AS (
    SELECT farm_id, animal_id, day, ethogram_id, behaviour, any_value(posture) AS posture, sum(seconds) AS seconds, sum(bouts) AS bouts, any_value(ethogram_s) AS ethogram_s
    FROM told
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
FROM by_ethogram
GROUP BY farm_id, animal_id, day, behaviour;
