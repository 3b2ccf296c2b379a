"""Evaluations of made-up engines, and a registry to keep them in."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from evaluation_cases import CLASSES, nested

from herdbook.edge.config import MOTION_RELEASE
from herdbook.learning.evaluation.report import Footprint, Judged, Protocol, Report, make_report, write_report
from herdbook.learning.evaluation.sequences import Sequence
from herdbook.learning.evaluation.tally import empty
from herdbook.learning.registry.models import Version, register
from herdbook.learning.registry.origin import Origin, take_origin
from herdbook.learning.registry.tracking import start_run
from herdbook.settings import Settings

SMALL = (Footprint(sku="cpu", size_bytes=7_000_000),)


def report_of(
    engine: str = "motion",
    skill: float = 0.9,
    *,
    sequences: list[Sequence] | None = None,
    digest: str = "0" * 64,
    seed: int = 1,
    worse_at: str | None = None,
    footprints: tuple[Footprint, ...] = SMALL,
) -> Report:
    """An engine right about a share `skill` of 100 animals a sequence, less 0.3 where the light is `worse_at`."""
    sequences = sequences if sequences is not None else nested(6, 2, 3)
    rng = np.random.default_rng(seed)
    tallies = []
    for sequence in sequences:
        right = round(100 * min(1.0, skill + float(rng.normal(0, 0.01)) - 0.3 * (worse_at == sequence.light)))
        sums = empty(len(CLASSES))
        sums["truth_boxes"] += 100
        sums["predicted_boxes"] += 100
        sums["misses"] += 100 - right
        sums["false_positives"] += 100 - right
        sums["idtp"] += right
        for name in ("hota_matches", "hota_association", "hota_overlap"):
            sums[name] += right
        sums["confusion"][:, :-1] += (100 - right) / 6 + np.eye(3) * right
        sums["calibration"][7] += (100, 50, 50)
        tallies.append(sums)
    return make_report(
        datetime(2026, 3, 2, tzinfo=UTC),
        Judged(
            release=MOTION_RELEASE.model_copy(update={"engine": engine, "release_id": f"{engine}-1"}),
            digest=digest,
            footprints=footprints,
        ),
        data="made-up",
        protocol=Protocol(classes=CLASSES),
        sequences=sequences,
        tallies=tallies,
    )


def clean_checkout(folder: Path) -> Path:
    """A Git repository with everything committed."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "train.py").write_text("print('training')\n")
    (folder / "params.yaml").write_text("lr: 0.1\n")
    (folder / "requirements.lock").write_text("numpy==2.4\n")
    git(folder, "init", "-q")
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", "all")


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def origin(*, dirty: bool = False) -> Origin:
    """An origin as of a clean checkout, or of none."""
    return take_origin(Path("/")).model_copy(update={"dirty": dirty, "git_revision": "a" * 40, "dirty_paths": ()})


def registered(
    settings: Settings, folder: Path, name: str, model: str = "herdbook-compact", *, dirty: bool = False
) -> Version:
    """A run with a model file, registered; its digest is made of its name."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "model.onnx"
    file.write_bytes(name.encode())
    with start_run(settings, name, origin(dirty=dirty)) as run:
        return register(run, model, [file], digest_of(name))


def digest_of(name: str) -> str:
    """64 hexadecimal digits."""
    return (name.encode().hex() * 64)[:64]


def kept(folder: Path, name: str, **told: object) -> Path:
    """A report file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    write_report(path, report_of(**told))  # type: ignore[arg-type]
    return path
