"""A model that was trained on a case's own footage or label must not measure that case: what it says there is an echo.

What a release was trained on is stated with the study (``herdbook study trained`` writes it from a dataset), so that a
bundle says on what it was judged and runs again to the same bytes.
"""

from __future__ import annotations

from typing import Annotated

import duckdb
from pydantic import Field

from herdbook.contracts.camera import Contract
from herdbook.contracts.farmtime import FarmDay
from herdbook.contracts.identifiers import Sha256, Slug
from herdbook.errors import TrainedOnCaseError

_SHOWN = 3

_FOOTAGE = """
SELECT DISTINCT r.set_id, t.release_id, t.device_id, t.day
FROM study_row AS r
JOIN study_day AS d USING (set_id, animal_id, index_day)
JOIN (
    SELECT i.animal_id, day, release_id, device_id
    FROM identity AS i
    JOIN tracklet AS t USING (farm_id, device_id, day, load_id, tracklet_id)
    WHERE i.identified
) AS t ON t.animal_id = d.animal_id AND t.day = d.day
JOIN study_trained_footage AS x ON x.release_id = t.release_id AND x.device_id = t.device_id AND x.day = t.day
WHERE r.is_case AND r.left_out IS NULL
ORDER BY ALL
"""
_LABELS = """
SELECT DISTINCT r.set_id, x.release_id, x.label_id
FROM study_row AS r
JOIN study_episode AS e ON e.animal_id = r.animal_id
JOIN study_trained_label AS x
    ON list_contains(e.label_ids, x.label_id) AND list_contains(r.releases, x.release_id)
WHERE r.is_case AND r.left_out IS NULL
ORDER BY ALL
"""


class TrainedOn(Contract):
    """What one release was trained on."""

    release: Slug
    footage: dict[Slug, tuple[FarmDay, ...]] = Field(default_factory=dict)
    """Farm-local days of which clips were used, by device."""
    labels: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = ()
    """Labels of animals that were used, by ``label_id``."""
    dataset: Sha256 | None = None
    """Digest of the dataset's manifest, where the statement comes from one."""


def leak(connection: duckdb.DuckDBPyConnection, stated: tuple[TrainedOn, ...]) -> TrainedOnCaseError | None:
    """Why the rows must not be compared, if a release measured a case by whose footage or label it was trained.

    Args:
        connection: in which all steps of a study were made.
        stated: what releases were trained on; of others nothing is known (`unstated`).
    """
    if not stated:
        return None
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE study_trained_footage (release_id VARCHAR, device_id VARCHAR, day DATE);"
        "CREATE OR REPLACE TEMP TABLE study_trained_label (release_id VARCHAR, label_id VARCHAR)"
    )
    footage = [[s.release, device, day] for s in stated for device, days in s.footage.items() for day in days]
    labels = [[s.release, label] for s in stated for label in s.labels]
    for rows, into in (
        (footage, "study_trained_footage VALUES (?, ?, ?)"),
        (labels, "study_trained_label VALUES (?, ?)"),
    ):
        if rows:
            connection.executemany(f"INSERT INTO {into}", rows)
    found = [
        f"{release} was trained on footage of {device} of {day}, which is in the window of case {case}"
        for case, release, device, day in connection.execute(_FOOTAGE).fetchall()
    ]
    found += [
        f"{release} was trained on label {label}, an outcome of the animal of case {case}"
        for case, release, label in connection.execute(_LABELS).fetchall()
    ]
    if not found:
        return None
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return TrainedOnCaseError("; ".join(found[:_SHOWN]) + more)


def unstated(releases: tuple[str, ...], stated: tuple[TrainedOn, ...]) -> list[str]:
    """Releases of which nobody said what they were trained on."""
    known = {s.release for s in stated}
    return [release for release in releases if release not in known]
