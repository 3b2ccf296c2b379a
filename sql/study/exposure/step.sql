-- Each measure of the catalogue over each row's window: sums over sums, so that a day counts by how long it was observed. Days
-- count that were observed for long enough and are the animal's surely enough. Sums run in whole millionths: the same
-- in whatever order. With bridges, study_shift turns what each release measured into what the reference would have.
WITH reading AS (
    SELECT
        set_id,
        animal_id,
        index_day,
        day,
        confidence,
        releases,
        unnest(list_filter([
            {'measure': 'lying_share', 'numerator': lying_s, 'denominator': behaviour_s, 'observed_s': behaviour_s},
            {'measure': 'sitting_share', 'numerator': sitting_s, 'denominator': behaviour_s, 'observed_s': behaviour_s},
            {'measure': 'standing_share', 'numerator': standing_s, 'denominator': behaviour_s, 'observed_s': behaviour_s},
            {'measure': 'sleeping_share', 'numerator': sleeping_s, 'denominator': behaviour_s, 'observed_s': behaviour_s},
            {'measure': 'walking_share', 'numerator': walking_s, 'denominator': behaviour_s, 'observed_s': behaviour_s},
            {'measure': 'eating_share', 'numerator': eating_s, 'denominator': behaviour_s, 'observed_s': behaviour_s},
            {'measure': 'drinking_share', 'numerator': drinking_s, 'denominator': behaviour_s, 'observed_s': behaviour_s},
            {'measure': 'investigating_share', 'numerator': investigating_s, 'denominator': behaviour_s, 'observed_s': behaviour_s},
            {'measure': 'social_share', 'numerator': social_s, 'denominator': behaviour_s, 'observed_s': behaviour_s},
            {'measure': 'lying_bouts_per_hour', 'numerator': lying_bouts, 'denominator': behaviour_s / 3600, 'observed_s': behaviour_s},
            {'measure': 'speed_m_s', 'numerator': distance_m, 'denominator': distance_observed_s, 'observed_s': distance_observed_s}
        ]::STRUCT(measure VARCHAR, numerator DOUBLE, denominator DOUBLE, observed_s DOUBLE)[],
        lambda m: list_contains($measures::VARCHAR[], m.measure)), recursive := true)
    FROM study_day
    WHERE confidence >= $minimum_confidence::DOUBLE
),
shifted AS (
    SELECT
        r.set_id,
        r.animal_id,
        r.index_day,
        r.day,
        r.measure,
        sum(r.releases[s.release_id] * s.difference) / sum(r.releases[s.release_id]) AS shift
    FROM reading AS r
    JOIN study_shift AS s ON s.measure = r.measure AND map_contains(r.releases, s.release_id)
    GROUP BY r.set_id, r.animal_id, r.index_day, r.day, r.measure
),
weighed AS (
    SELECT
        r.set_id,
        r.animal_id,
        r.index_day,
        r.measure,
        r.observed_s,
        CASE WHEN $weigh_days::BOOLEAN THEN CAST(round(r.confidence * 1000) AS HUGEINT) ELSE 1 END AS weight,
        CAST(round(1e6 * (r.numerator + coalesce(s.shift, 0) * r.denominator)) AS HUGEINT) AS numerator,
        CAST(round(1e6 * r.denominator) AS HUGEINT) AS denominator
    FROM reading AS r
    LEFT JOIN shifted AS s USING (set_id, animal_id, index_day, day, measure)
    WHERE
        r.observed_s >= $minimum_hours::DOUBLE * 3600
        AND r.numerator IS NOT NULL
)
SELECT
    set_id,
    animal_id,
    index_day,
    measure,
    count(*)::INTEGER AS days,
    sum(CAST(round(observed_s) AS BIGINT))::BIGINT AS observed_s,
    CASE
        WHEN count(*) >= $minimum_days::INTEGER
            THEN sum(weight * numerator)::DOUBLE / nullif(sum(weight * denominator), 0)::DOUBLE
    END AS value
FROM weighed
GROUP BY set_id, animal_id, index_day, measure
ORDER BY ALL
