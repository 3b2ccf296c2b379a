"""Plan a study, run it, and run it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from herdbook.contracts.digest import sha256_of_bytes
from herdbook.errors import NotReproducedError
from herdbook.lake.attach import latest_snapshot
from herdbook.lake.pins import pinned_snapshot, pins
from herdbook.settings import Settings
from herdbook.studies.assemble import Assembled, assemble
from herdbook.studies.bundle import DEFINITION, contents, manifest, read_manifest, write_bundle
from herdbook.studies.definition import Study
from herdbook.studies.findings import find
from herdbook.studies.read import read_study
from herdbook.studies.sensitivity import sensitive
from herdbook.studies.source import Source, lake_source


@dataclass(frozen=True)
class Ran:
    """A study that was run."""

    folder: Path
    snapshot: int
    pinned: str | None
    """The name that keeps the snapshot from expiring; none if nothing does."""
    assembled: Assembled
    estimates: pa.Table
    digest: str


def pin_down(settings: Settings, study: Study) -> Study:
    """The study with its snapshot as a number.

    Raises:
        NotFoundError: no snapshot is pinned under the name.
        NotInitialisedError: there is no lake.
    """
    if isinstance(study.snapshot, int):
        return study
    chosen = latest_snapshot(settings) if study.snapshot is None else pinned_snapshot(settings, study.snapshot)
    return study.model_copy(update={"snapshot": chosen})


def plan(settings: Settings, study: Study) -> tuple[Study, Assembled]:
    """What there would be to compare: nothing is estimated, nothing is written.

    Raises:
        NotFoundError: there is no such snapshot.
        ModelMixError: releases shall be bridged, and a bridge is not there.
    """
    pinned = pin_down(settings, study)
    with _open(settings, pinned) as source:
        return pinned, assemble(pinned, source)


def run(settings: Settings, study: Study, out: Path) -> Ran:
    """Run a study and write its bundle (`herdbook.studies.bundle`).

    Raises:
        NotFoundError: there is no such snapshot.
        ModelMixError: it compares releases that it must not.
        EmptyStudyError: nothing is left to compare.
        EstimationError: the primary exposure has no estimate.
        InputError: the folder is there already.
    """
    pinned, assembled, estimates, files, said = _make(settings, study)
    write_bundle(out, files, said)
    assert isinstance(pinned.snapshot, int), "it was pinned down"
    name = next((p.name for p in pins(settings) if p.snapshot_id == pinned.snapshot), None)
    return Ran(out, pinned.snapshot, name, assembled, estimates, said["digest"])


def rerun(settings: Settings, folder: Path) -> dict[str, Any]:
    """Run a bundle's study again and compare every file's digest; nothing is written.

    Returns:
        What the run says of itself.

    Raises:
        NotReproducedError: files differ, in the folder or in what comes out now.
        NotFoundError: it is no bundle, or its snapshot has expired.
    """
    before = read_manifest(folder)
    study = read_study(folder / DEFINITION)
    *_, now = _make(settings, study)
    expected: Mapping[str, str] = before["files"]
    altered = [name for name in expected if _digest(folder / name) != expected[name]]
    differing = sorted(
        name for name in expected.keys() | now["files"].keys() if expected.get(name) != now["files"].get(name)
    )
    if not altered and not differing:
        return now
    other = {
        k: (v, now["versions"].get(k)) for k, v in before.get("versions", {}).items() if v != now["versions"].get(k)
    }
    why = ", ".join(f"{name} was {then} and is {here}" for name, (then, here) in other.items())
    parts = [f"changed in the folder: {', '.join(altered)}"] if altered else []
    parts += [f"coming out otherwise: {', '.join(differing)}"] if differing else []
    raise NotReproducedError(
        f"{folder}: {'; '.join(parts)}",
        f"Versions differ: {why}." if why else "Versions are the same: the folder or the lake was changed.",
    )


def _make(settings: Settings, study: Study) -> tuple[Study, Assembled, pa.Table, dict[str, bytes], dict[str, Any]]:
    pinned = pin_down(settings, study)
    with _open(settings, pinned) as source:
        assembled = assemble(pinned, source)
        if assembled.refusal is not None:
            raise assembled.refusal
        estimates = find(pinned, assembled.used)
        variants = sensitive(pinned, source, assembled)
        lake = dict(
            zip(
                ("version", "identity_threshold"),
                source.connection.execute("SELECT max(version), identity_threshold() FROM meta.version").fetchone()
                or (),
                strict=False,
            )
        )
    files = contents(pinned, assembled, estimates, variants)
    return pinned, assembled, estimates, files, manifest(pinned, assembled, files, lake)


def _open(settings: Settings, study: Study) -> Source:
    assert isinstance(study.snapshot, int), "it was pinned down"
    return lake_source(settings, study.snapshot)


def _digest(path: Path) -> str | None:
    return sha256_of_bytes(path.read_bytes()) if path.is_file() else None
