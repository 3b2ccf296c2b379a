-- check: snapshot_kept severity: fail
-- A pinned snapshot is no longer in the lake.
SELECT p.name, p.snapshot_id
FROM (SELECT * FROM meta.pin QUALIFY row_number() OVER (PARTITION BY name ORDER BY recorded_at DESC) = 1) AS p
ANTI JOIN lake.snapshots() AS s USING (snapshot_id)
WHERE NOT p.retracted;
