"""``dataset.json``: what a dataset was made of, what is in it, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from herdbook.contracts.camera import Contract
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import write_durably
from herdbook.contracts.identifiers import Sha256
from herdbook.contracts.validation import first_problem
from herdbook.errors import FileFormatError, NotFoundError
from herdbook.learning.datasets.plan import DatasetPlan

FILE = "dataset.json"
TABLES = ("frames.parquet", "labels.parquet", "clips.parquet", "sequences.parquet")


class Sources(Contract):
    """What a dataset was drawn from, by content: nothing here depends on where it lies."""

    footage: Literal["lake", "farm", "given"] = "given"
    clips: dict[str, Sha256] = Field(default_factory=dict)
    """SHA-256 by ``<device>/<day>/<clip>``."""
    labels: dict[str, str] = Field(default_factory=dict)
    """What each source of labels was: a digest or version by its name."""
    disagreement: Sha256 | None = None
    snapshot: int | None = None
    """The herd lake's, from which pens and animals were read."""


class DatasetManifest(Contract):
    """The file."""

    format: Literal["herdbook-dataset/1"] = "herdbook-dataset/1"
    plan: DatasetPlan
    sources: Sources
    counts: dict[str, Any]
    """Frames and bytes, and frames by split, site, camera, light and crowding."""
    left_out: dict[str, int]
    """How many frames or clips, by reason."""
    sha256: dict[str, Sha256]
    """Of the tables; ``frames.parquet`` names every picture by its pixels."""


def write_manifest(
    folder: Path, plan: DatasetPlan, sources: Sources, rows: Sequence[Mapping[str, Any]], left_out: Mapping[str, int]
) -> DatasetManifest:
    """Say what a folder holds, once all of it is there."""
    manifest = DatasetManifest(
        plan=plan,
        sources=sources,
        counts=_counts(rows),
        left_out=dict(left_out),
        sha256={name: sha256_of(folder / name) for name in TABLES if (folder / name).is_file()},
    )
    write_durably(folder / FILE, (manifest.model_dump_json(indent=1) + "\n").encode())
    return manifest


def read_manifest(folder: Path) -> DatasetManifest:
    """What a folder says of itself.

    Raises:
        NotFoundError: it is no dataset.
        FileFormatError: the file cannot be read.
    """
    try:
        return DatasetManifest.model_validate_json((folder / FILE).read_bytes())
    except OSError as error:
        raise NotFoundError(f"{folder} holds no dataset", "Make one with `herdbook learn dataset`.") from error
    except ValidationError as error:
        raise FileFormatError(
            f"{folder / FILE}: {first_problem(error.errors())}", "Build the dataset again."
        ) from error


def _counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"frames": len(rows), "bytes": sum(row["bytes"] for row in rows)}
    for column in ("split", "site", "camera_id", "light", "crowding"):
        values = [str(row[column]) for row in rows]
        found[column] = {value: values.count(value) for value in sorted(set(values))}
    return found
