"""A model update looks like a behaviour change: what different releases measured is compared only as the study says.

``refuse``: not at all. ``stratify``: windows of one release, with controls seen by the case's (done in
``sql/study/row``). ``bridge``: every release's shares are turned into what the newest would have measured, by bridge
runs (docs/adr/0217-bridge-runs.md). The bridge's own error is not in the interval: `herdbook.studies.sensitivity`
estimates again with bridges at either end of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import duckdb

from herdbook.errors import ModelMixError
from herdbook.studies.definition import Study
from herdbook.studies.measures import MEASURES

End = Literal["low", "high"]
"""Of a bridge's interval. A posture's is the sum of its behaviours' ends: never narrower than its own would be."""
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
SELECT
    b.from_release_id,
    b.to_release_id,
    sum(b.difference) AS difference,
    CASE WHEN bool_and(b.low IS NOT NULL) THEN sum(b.low) END AS low,
    CASE WHEN bool_and(b.high IS NOT NULL) THEN sum(b.high) END AS high,
    count(*) FILTER (b.difference IS NULL) AS unknown
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


def bridge(connection: duckdb.DuckDBPyConnection, study: Study, ends: Mapping[str, End] | None = None) -> None:
    """Fill ``study_shift`` with what to add to each release's shares so that they are the newest release's.

    Args:
        connection: of which ``study_day`` was made.
        study: the definition.
        ends: older releases of which not the difference itself but an end of its interval is taken.

    Raises:
        ModelMixError: a measure or a release has no bridge, or a bridge whose end is asked for has no interval.
    """
    connection.execute("DELETE FROM study_shift")
    newest, older = releases_to_bridge(connection, study)
    if not older:
        return
    for name in study.exposure.measures:
        measure = MEASURES[name]
        if measure.posture is None and measure.behaviour is None:
            compared = ", ".join((newest, *older))
            raise ModelMixError(
                f"no bridge speaks of '{name}': bridges are of shares of time, and {compared} are compared",
                "Leave it out, or compare within a release (model_change: stratify).",
            )
        known = connection.execute(_BRIDGED, {"posture": measure.posture, "behaviour": measure.behaviour}).fetchall()
        shifts = {(a, b): values for a, b, *values, unknown in known if not unknown}
        for release in older:
            shift = _shift(shifts, release, newest, (ends or {}).get(release))
            if shift is None:
                raise ModelMixError(
                    f"there is no bridge from {release} to {newest} for '{name}'",
                    f"Measure it with `herdbook learn bridge {release} {newest}`, or use model_change: stratify.",
                )
            connection.execute("INSERT INTO study_shift VALUES (?, ?, ?)", [name, release, shift])
        connection.execute("INSERT INTO study_shift VALUES (?, ?, 0)", [name, newest])


def releases_to_bridge(connection: duckdb.DuckDBPyConnection, study: Study) -> tuple[str, tuple[str, ...]]:
    """The newest release that saw a window, and those that are turned into it; none if nothing is bridged."""
    newest, *older = [release for release, *_ in connection.execute(_USED).fetchall()] or [""]
    return newest, tuple(older) if study.model_change == "bridge" else ()


def _shift(known: Mapping[tuple[str, str], list[float | None]], old: str, new: str, end: End | None) -> float | None:
    """What to add, by a bridge in either direction: its difference, or an end of its interval."""
    place = {None: 0, "low": 1, "high": 2}
    if (old, new) in known:
        return known[old, new][place[end]]
    other: End | None = None if end is None else "low" if end == "high" else "high"
    back = known[new, old][place[other]] if (new, old) in known else None
    return None if back is None else -back
