-- check: reading_in_order severity: fail
-- A reading ends before it begins.
SELECT reading_id, starts_at, ends_at
FROM sensor.reading
WHERE ends_at <= starts_at;

-- check: reading_of_known_animal severity: fail
-- A reading is of an animal that is not on the roster.
SELECT reading_id, animal_id
FROM sensor_reading
ANTI JOIN animal USING (animal_id);

-- check: one_reading_at_a_time severity: fail
-- Two readings of one animal, source and measure overlap.
SELECT animal_id, source, measure, starts_at, ends_at
FROM sensor_reading
QUALIFY starts_at < max(ends_at) OVER (
    PARTITION BY animal_id, source, measure ORDER BY starts_at, reading_id
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
);
