"""A model update looks like a behaviour change: what different releases measured is compared only as the study says.

``refuse``: not at all. ``stratify``: windows of one release, with controls seen by the case's (done in
``sql/study/row``). ``bridge``: every release's shares are turned into what the newest would have measured, by bridge
runs (docs/adr/0217-bridge-runs.md). The bridge's own error is not in the interval.
"""

from __future__ import annotations

import duckdb

from herdbook.errors import ModelMixError
from herdbook.studies.definition import Study
from herdbook.studies.measures import MEASURES

_USED = """
SELECT release_id, max(day) AS last_day, min(day) AS first_day
FROM (SELECT unnest(map_keys(releases)) AS release_id, day FROM study_day)
GROUP BY release_id
ORDER BY last_day DESC, first_day DESC, release_id DESC
"""
_MIXED = """
SELECT count(DISTINCT set_id), list_sort(list_distinct(flatten(list(releases))))
FROM study_row
SEMI JOIN (
    SELECT set_id
    FROM study_row
    WHERE left_out IS NULL
    GROUP BY set_id
    HAVING len(list_distinct(flatten(list(releases)))) > 1
) AS mixed USING (set_id)
WHERE left_out IS NULL
"""
_BRIDGED = """
SELECT b.from_release_id, b.to_release_id, sum(b.difference), count(*) FILTER (b.difference IS NULL)
FROM bridge_behaviour AS b
SEMI JOIN (
    SELECT behaviour FROM ethogram WHERE posture = $posture::VARCHAR
    UNION ALL
    SELECT $behaviour::VARCHAR
) AS e USING (behaviour)
GROUP BY b.from_release_id, b.to_release_id
"""


def refusal(connection: duckdb.DuckDBPyConnection, study: Study) -> ModelMixError | None:
    """Why the rows may not be compared as they are; none if no set mixes releases, or the study says what to do."""
    if study.model_change != "refuse":
        return None
    sets, releases = connection.execute(_MIXED).fetchone() or (0, [])
    if not sets:
        return None
    named = ", ".join(releases)
    return ModelMixError(
        f"{sets} matched sets compare what releases {named} measured: a change of model looks like one of behaviour",
        "Compare within a release (model_change: stratify), or measure what the change alone does"
        f" (`herdbook learn bridge {' '.join(releases[:2])}`) and correct for it (model_change: bridge).",
    )


def bridge(connection: duckdb.DuckDBPyConnection, study: Study) -> None:
    """Fill ``study_shift`` with what to add to each release's shares so that they are the newest release's.

    Raises:
        ModelMixError: a measure or a release has no bridge.
    """
    connection.execute("DELETE FROM study_shift")
    used = [release for release, *_ in connection.execute(_USED).fetchall()]
    if study.model_change != "bridge" or len(used) < 2:
        return
    newest, *older = used
    for name in study.exposure.measures:
        measure = MEASURES[name]
        if measure.posture is None and measure.behaviour is None:
            raise ModelMixError(
                f"no bridge speaks of '{name}': bridges are of shares of time, and {', '.join(used)} are compared",
                "Leave it out, or compare within a release (model_change: stratify).",
            )
        known = connection.execute(_BRIDGED, {"posture": measure.posture, "behaviour": measure.behaviour}).fetchall()
        shifts = {(a, b): d for a, b, d, unknown in known if not unknown}
        for release in older:
            shift = shifts.get((release, newest))
            if shift is None and (newest, release) in shifts:
                shift = -shifts[newest, release]
            if shift is None:
                raise ModelMixError(
                    f"there is no bridge from {release} to {newest} for '{name}'",
                    f"Measure it with `herdbook learn bridge {release} {newest}`, or use model_change: stratify.",
                )
            connection.execute("INSERT INTO study_shift VALUES (?, ?, ?)", [name, release, shift])
        connection.execute("INSERT INTO study_shift VALUES (?, ?, 0)", [name, newest])
