-- One row per drawn animal, index day and set, with how its window was observed, by which releases, and why it cannot count if so.
WITH seen AS (
    SELECT
        set_id,
        animal_id,
        index_day,
        max(day) AS last_day_read,
        (sum(CAST(round(confidence * 1000) AS BIGINT)) / count(*) / 1000)::DOUBLE AS confidence,
        list_sort(list_distinct(flatten(list(map_keys(releases))))) AS releases
    FROM study_day
    WHERE confidence >= $minimum_confidence::DOUBLE
    GROUP BY set_id, animal_id, index_day
),
judged AS (
    SELECT
        m.*,
        s.last_day_read,
        coalesce(e.days, 0) AS days,
        coalesce(e.observed_s, 0) AS observed_s,
        s.confidence,
        s.releases,
        CASE
            WHEN e.value IS NULL THEN 'observed too little'
            WHEN $stratify::BOOLEAN AND len(s.releases) > 1 THEN 'its window lies across a change of model'
        END AS own
    FROM study_member AS m
    LEFT JOIN seen AS s USING (set_id, animal_id, index_day)
    LEFT JOIN study_exposure AS e
        ON e.set_id = m.set_id AND e.animal_id = m.animal_id AND e.index_day = m.index_day AND e.measure = $primary::VARCHAR
),
compared AS (
    SELECT
        *,
        CASE
            WHEN own IS NOT NULL THEN own
            WHEN $stratify::BOOLEAN
                AND $beside_case::BOOLEAN
                AND releases <> any_value(releases) FILTER (is_case AND own IS NULL) OVER (PARTITION BY set_id)
                THEN 'seen by another model release than its case'
        END AS beside
    FROM judged
)
SELECT
    * EXCLUDE (own, beside),
    CASE
        WHEN beside IS NOT NULL THEN beside
        WHEN NOT bool_or(is_case AND beside IS NULL) OVER (PARTITION BY set_id) THEN 'its case is left out'
        WHEN NOT bool_or(NOT is_case AND beside IS NULL) OVER (PARTITION BY set_id) THEN 'no control is left beside it'
    END AS left_out
FROM compared
ORDER BY set_id, is_case DESC, animal_id, index_day DESC
