-- Movement and size per animal and UTC hour. Tracklets of overlapping cameras measure the same steps: seconds and metres are
-- scaled so that no instant counts twice, by k = (union of the tracklets' time) / (sum of the tracklets' time).
CREATE OR REPLACE VIEW animal_hour AS
WITH own AS (
    SELECT
        a.*,
        i.animal_id,
        greatest(t.started_at, a.hour) AS started_at,
        least(t.ended_at, a.hour + INTERVAL 1 HOUR) AS ended_at,
        a.distance_m IS NOT NULL AS metric
    FROM activity AS a
    JOIN identity AS i USING (farm_id, device_id, day, load_id, tracklet_id)
    JOIN tracklet AS t USING (farm_id, device_id, day, load_id, tracklet_id)
    WHERE i.identified AND a.observed_s > 0
),
-- The union once over all tracklets, once over those in metres.
scope AS (
    SELECT farm_id, animal_id, day, hour, started_at, ended_at, false AS metric FROM own
    UNION ALL
    SELECT farm_id, animal_id, day, hour, started_at, ended_at, true AS metric FROM own WHERE metric
),
marked AS (
    SELECT
        *,
        max(ended_at) OVER (
            PARTITION BY farm_id, animal_id, day, hour, metric ORDER BY started_at, ended_at
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS covered_to
    FROM scope
),
shared AS (
    SELECT
        farm_id,
        animal_id,
        day,
        hour,
        coalesce(sum(new_s) FILTER (NOT metric) / nullif(sum(own_s) FILTER (NOT metric), 0), 1) AS k,
        coalesce(sum(new_s) FILTER (metric) / nullif(sum(own_s) FILTER (metric), 0), 1) AS metric_k
    FROM (
        SELECT
            *,
            greatest(seconds_between(greatest(started_at, covered_to), ended_at), 0) AS new_s,
            greatest(seconds_between(started_at, ended_at), 0) AS own_s
        FROM marked
    )
    GROUP BY farm_id, animal_id, day, hour
),
summed AS (
    SELECT
        farm_id,
        animal_id,
        day,
        hour,
        sum(observed_s::DOUBLE) AS observed_s,
        sum(observed_s::DOUBLE) FILTER (metric) AS metric_s,
        sum(distance_m::DOUBLE) AS distance_m,
        sum(speed_p95_m_s::DOUBLE * observed_s) / sum(observed_s::DOUBLE) FILTER (speed_p95_m_s IS NOT NULL)
            AS speed_p95_m_s,
        sum(body_length_m::DOUBLE * observed_s) / sum(observed_s::DOUBLE) FILTER (body_length_m IS NOT NULL)
            AS body_length_m,
        sum(body_area_m2::DOUBLE * observed_s) / sum(observed_s::DOUBLE) FILTER (body_area_m2 IS NOT NULL)
            AS body_area_m2
    FROM own
    GROUP BY farm_id, animal_id, day, hour
)
SELECT
    s.farm_id,
    s.animal_id,
    s.day,
    s.hour,
    s.observed_s * k.k AS observed_s,
    s.metric_s * k.metric_k AS distance_observed_s,
    s.distance_m * k.metric_k AS distance_m,
    s.speed_p95_m_s,
    s.body_length_m,
    s.body_area_m2
FROM summed AS s
JOIN shared AS k USING (farm_id, animal_id, day, hour);
