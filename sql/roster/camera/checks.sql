-- check: pen_known severity: fail
-- A camera watches a pen that is not on the roster.
SELECT camera_id, pen_id
FROM camera
ANTI JOIN pen USING (pen_id);

-- check: one_place_at_a_time severity: fail
-- A camera hangs in two places at once.
SELECT camera_id, pen_id, valid_from, valid_to
FROM camera
QUALIFY valid_from < max(coalesce(valid_to, 'infinity')) OVER (
    PARTITION BY camera_id ORDER BY valid_from ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
);
