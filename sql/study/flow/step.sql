-- What became of every label and every row, from what was found to what is compared. Each group adds up: episodes are
-- cases and episodes left out, rows drawn are rows compared and rows left out.
WITH step AS (
    SELECT 1 AS place, 'labels that meet the outcome' AS what, count(*) AS labels, NULL AS cases, NULL AS controls
    FROM study_hit
    UNION ALL
    SELECT 2, 'episodes', NULL, count(*), NULL FROM study_case
    UNION ALL
    SELECT 3, 'left out: ' || left_out, NULL, count(*), NULL FROM study_case WHERE left_out IS NOT NULL GROUP BY left_out
    UNION ALL
    SELECT 4, $beside::VARCHAR, NULL, (SELECT count(*) FROM study_case WHERE left_out IS NULL), count(*)
    FROM study_candidate
    UNION ALL
    SELECT 5, $drawn::VARCHAR, NULL, count(*) FILTER (is_case), count(*) FILTER (NOT is_case) FROM study_row
    UNION ALL
    SELECT 6, 'left out: ' || left_out, NULL, count(*) FILTER (is_case), count(*) FILTER (NOT is_case)
    FROM study_row
    WHERE left_out IS NOT NULL
    GROUP BY left_out
    UNION ALL
    SELECT 7, 'compared', NULL, count(*) FILTER (is_case), count(*) FILTER (NOT is_case)
    FROM study_row
    WHERE left_out IS NULL
)
SELECT what, labels, cases, controls FROM step ORDER BY place, cases DESC, controls DESC, what
