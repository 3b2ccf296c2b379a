-- Seconds from one instant to another, exact to the microsecond (differences of epoch() are not).
CREATE OR REPLACE MACRO seconds_between(earlier, later) AS (epoch_us(later) - epoch_us(earlier)) / 1e6;
