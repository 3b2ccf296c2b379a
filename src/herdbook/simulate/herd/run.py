"""Write a herd's records. What is written, and stays so because other parts read it::

    OUT/herd.yaml                        the plan
    OUT/parts/farm/                      roster and labels, a part of bulk records (`herdbook.contracts.bulk`)
    OUT/parts/<device>_<first day>/      some days of one device, likewise; `herdbook lake bulk OUT` loads all
    OUT/truth/animals.parquet            `truth.animal_truth`
    OUT/truth/illnesses.parquet          `truth.illness_truth`
    OUT/truth/days/<part>.parquet        `truth.day_truth`
    OUT/truth/tracklets/<part>.parquet   `truth.tracklet_truth`

A part's folder appears last and whole: where it is there, it and its truth are finished, and a later run skips it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import yaml

from herdbook.contracts.bulk import MARKER, Part, read_part
from herdbook.contracts.durable import make_folder
from herdbook.errors import ConfigurationError
from herdbook.simulate.herd import label_rows, truth
from herdbook.simulate.herd.activity import activity_rows, calibration_rows
from herdbook.simulate.herd.cells import Chunk, chunks
from herdbook.simulate.herd.days import device_days
from herdbook.simulate.herd.enrolment import enrolling_tracklets, enrolment_rows
from herdbook.simulate.herd.farm_rows import roster_rows
from herdbook.simulate.herd.looks import embedding_rows, looks_of_tracklets
from herdbook.simulate.herd.names import Names
from herdbook.simulate.herd.plan import HerdPlan
from herdbook.simulate.herd.records import (
    Filled,
    bout_rows,
    claim_rows,
    coverage_rows,
    device_day_rows,
    fill,
    manifest_rows,
    run_rows,
    tracklet_rows,
)
from herdbook.simulate.herd.write import write_part, write_whole
from herdbook.simulate.parallel import side_by_side
from herdbook.simulate.tables import write_yaml

Progress = Callable[[int], None]
"""Told numbers of animal-days, which add up to `planned_animal_days`."""

FARM_PART = "farm"


@dataclass(frozen=True)
class WrittenPart:
    """One part on disk."""

    part: str
    rows: int
    skipped: bool
    """Whether it was there already."""


def simulate_herd(plan: HerdPlan, out: Path, progress: Progress | None = None, *, jobs: int = 1) -> list[WrittenPart]:
    """Write the records of a plan's herd. Interrupted, it is continued by the same call; the bytes are the plan's.

    Args:
        plan: what to make.
        out: folder to write, created where it is missing.
        progress: told how many animal-days are done.
        jobs: chunks made at once, each in a process of its own.

    Raises:
        ConfigurationError: the folder holds the herd of another plan.
        DiskFullError: no space is left.
    """
    report = progress or (lambda _: None)
    _claim_folder(plan, out)
    written = [_write_farm(plan, out)]
    tasks = [(plan, chunk, out) for chunk in chunks(plan)]
    if jobs > 1 and len(tasks) > 1:
        return written + side_by_side(write_chunk, tasks, report, jobs, pictures=False)
    return written + [write_chunk(*task, report) for task in tasks]


def planned_animal_days(plan: HerdPlan) -> int:
    """Places times days: what `Progress` adds up to."""
    return plan.devices * plan.places * plan.days


def part_name(plan: HerdPlan, chunk: Chunk) -> str:
    """The name of a chunk's part."""
    names = Names(plan)
    return f"{names.device(chunk.device)}_{names.day(chunk.first)}"


def write_chunk(plan: HerdPlan, chunk: Chunk, out: Path, report: Progress) -> WrittenPart:
    """Make and write one part, unless it is there."""
    name, parts = part_name(plan, chunk), out / "parts"
    animal_days = (chunk.stop - chunk.first) * plan.places
    if (parts / name / MARKER).exists():
        report(animal_days)
        return _written(read_part(parts / name), skipped=True)
    filled = fill(plan, chunk)
    write_whole(out / "truth" / "days" / f"{name}.parquet", truth.day_truth(filled))
    write_whole(out / "truth" / "tracklets" / f"{name}.parquet", truth.tracklet_truth(filled))
    part = write_part(parts, name, dict(_tables(filled)))
    report(animal_days)
    return _written(part, skipped=False)


def _tables(f: Filled) -> Iterator[tuple[str, pa.Table | Iterator[pa.Table]]]:
    counts = looks_of_tracklets(f)
    enrolled: list[pa.Table] = []
    tracklets, bouts, coverage = tracklet_rows(f), bout_rows(f), coverage_rows(f)
    days = len(f.loads)
    activity = list(activity_rows(f))
    per_day = {
        "coverage": _per_load(coverage, days),
        "tracklet": _per_load(tracklets, days),
        "bout": _per_load(bouts, days),
        "activity": sum((_per_load(rows, days) for rows in activity), np.zeros(days, np.int64)),
        "embedding": np.bincount(f.day_of[f.order], counts, minlength=days).astype(np.int64),
    }
    yield "record.coverage", coverage
    yield from manifest_rows(f).items()
    yield "record.calibration", calibration_rows(f)
    yield "record.tracklet", tracklets
    yield "record.bout", bouts
    yield "record.activity", activity
    if counts.any():
        enrolling = enrolling_tracklets(f)
        yield "record.embedding", _kept(embedding_rows(f, counts), pa.array(enrolling), enrolled)
        yield "identity.enrolment", _enrolled(f, enrolled)
    yield "identity.claim", claim_rows(f)
    yield "identity.run", run_rows(f)
    yield "record.device_day", device_day_rows(f, per_day)


def _kept(pieces: Iterator[pa.Table], wanted: pa.Array, kept: list[pa.Table]) -> Iterator[pa.Table]:
    """The same pieces; of those passed by, the rows of wanted tracklets are kept."""
    for piece in pieces:
        found = piece.filter(wanted.take(piece["tracklet_id"].combine_chunks().indices))
        if found.num_rows:
            kept.append(found)
        yield piece


def _enrolled(f: Filled, looks: list[pa.Table]) -> Iterator[pa.Table]:
    """What was kept while the embeddings were written."""
    if looks:
        yield enrolment_rows(f, pa.concat_tables(looks))


def _per_load(rows: pa.Table, days: int) -> np.ndarray:
    chunk = rows["load_id"].combine_chunks()
    return np.bincount(chunk.indices.to_numpy(), minlength=days).astype(np.int64)


def _write_farm(plan: HerdPlan, out: Path) -> WrittenPart:
    folder = out / "parts" / FARM_PART
    if (folder / MARKER).exists():
        return _written(read_part(folder), skipped=True)
    parts = [device_days(plan, device) for device in range(plan.devices)]
    write_whole(out / "truth" / "animals.parquet", truth.animal_truth(plan, parts))
    write_whole(out / "truth" / "illnesses.parquet", truth.illness_truth(plan, parts))
    tables = roster_rows(plan, parts) | {"label.label": label_rows.label_rows(plan, parts)}
    return _written(write_part(out / "parts", FARM_PART, tables), skipped=False)


def _claim_folder(plan: HerdPlan, out: Path) -> None:
    path = out / "herd.yaml"
    asked = plan.model_dump(mode="json")
    if path.exists():
        try:
            found = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError):
            found = None
        if found != asked:
            raise ConfigurationError(
                f"{out} holds another herd", "Name another folder, or remove this one, or repeat its plan exactly."
            )
        return
    make_folder(out)
    write_yaml(path, asked)


def _written(part: Part, *, skipped: bool) -> WrittenPart:
    return WrittenPart(part.name, sum(f.rows for f in part.files), skipped)
