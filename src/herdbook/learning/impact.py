"""Retrospective impact of a release: chosen studies on footage that it has read again, before it is promoted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from herdbook.errors import InputError
from herdbook.identity.bridge import bridges_folder
from herdbook.identity.gather import gather
from herdbook.lake.attach import latest_snapshot
from herdbook.matching.decide import MatchOptions, decide
from herdbook.settings import Settings
from herdbook.studies.bundle import DEFINITION, read_manifest
from herdbook.studies.definition import Study
from herdbook.studies.impact import AS_FOUND, SCHEMA, compare, findings_in, findings_of
from herdbook.studies.read import read_study
from herdbook.studies.reread import reread_source
from herdbook.studies.source import Source


def impact(
    settings: Settings, bundles: Sequence[Path], releases: Sequence[str], *, minimum_hours: float | None = None
) -> pa.Table:
    """Findings as their bundles have them, and as each release's reading of the archived footage gives them.

    The archive holds part of each day, so name the release that ran as well, if its reading is there: what differs
    between two readings of the same footage is the release's doing, what differs from the bundle is also the part.

    Args:
        settings: where the lake is.
        bundles: folders of runs.
        releases: that have read footage again.
        minimum_hours: instead of the definitions': clips are minutes where days have hours.

    Returns:
        A table of `herdbook.studies.impact.SCHEMA`.

    Raises:
        NotFoundError: a folder is no bundle, or a release has read nothing.
        InputError: no bundle or no release is named.
    """
    if not bundles or not releases:
        raise InputError("there is nothing to compare", "Name folders of runs, and --release.")
    studies = {bundle: _study(bundle, minimum_hours) for bundle in bundles}
    seen = {bundle: {AS_FOUND: findings_of(bundle)} for bundle in bundles}
    snapshot = latest_snapshot(settings)
    for release in releases:
        with reread_source(settings, snapshot, release) as source:
            claim(settings, source)
            for bundle, study in studies.items():
                seen[bundle][release] = findings_in(study, source)
    rows = [row for bundle, study in studies.items() for row in compare(study.study, seen[bundle])]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def claim(settings: Settings, source: Source) -> int:
    """Give the tracklets of a reading to animals, as the night would have; the lake is not told.

    Returns:
        How many were given to an animal.
    """
    options, bridges = MatchOptions(), bridges_folder(settings.registry)
    loads = source.connection.execute("SELECT load_id, ends_at FROM record.device_day ORDER BY ALL").fetchall()
    number = 0
    for load_id, ends_at in loads:
        claims = decide(gather(source.connection, load_id, options.overlap_tolerance_s, bridges=bridges), options)
        told = {"load_id": load_id, "recorded_at": ends_at, "run_id": "impact"}
        rows = [vars(c) | told | {"claim_id": f"{load_id}-{k}"} for k, c in enumerate(claims)]
        number += sum(c.animal_id is not None for c in claims)
        if rows:
            source.connection.register("claims_made", pa.Table.from_pylist(rows))
            source.connection.execute("INSERT INTO identity.claim BY NAME FROM claims_made")
            source.connection.unregister("claims_made")
    return number


def _study(bundle: Path, minimum_hours: float | None) -> Study:
    read_manifest(bundle)
    study = read_study(bundle / DEFINITION)
    if minimum_hours is None:
        return study
    exposure = study.exposure.model_copy(update={"minimum_hours": minimum_hours})
    return study.model_copy(update={"exposure": exposure})
