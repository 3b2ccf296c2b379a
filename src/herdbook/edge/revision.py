"""Writing one revision of a day so that it is there whole or not at all."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from herdbook.contracts.device_day import DayFile, FileKind, Manifest
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import disk_full_is_said, fsync_path
from herdbook.contracts.records import BOXES_SCHEMA, RecordKind, record_table
from herdbook.edge.days import MANIFEST, DayStore
from herdbook.edge.locks import in_use, issuing
from herdbook.edge.rows import Rows

INPUTS = "inputs.json"
"""What a revision was made from; beside the manifest, never sent."""


@contextmanager
def draft(store: DayStore, day: date) -> Iterator[Path]:
    """A folder to fill; it is removed unless `publish` moved it into place. Drafts that nobody fills any more go too.

    Raises:
        DiskFullError: no space is left.
    """
    home = store.folder(day)
    with ExitStack() as stack:
        with issuing(home), disk_full_is_said(home):
            for left_over in home.glob(".draft*"):
                with in_use(left_over) as abandoned:
                    if abandoned:
                        shutil.rmtree(left_over)
            folder = home / f".draft-{secrets.token_hex(4)}"
            folder.mkdir()
            stack.enter_context(in_use(folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def write_records(folder: Path, rows: Rows) -> list[DayFile]:
    """The five record files."""
    files = []
    for kind in RecordKind:
        path = folder / f"{kind.value}.parquet"
        table = record_table(kind, rows[kind])
        with disk_full_is_said(path):
            pq.write_table(table, path, compression="zstd")
        files.append(describe(path, FileKind(kind.value), rows=table.num_rows))
    return files


class BoxesFile:
    """One camera's boxes, written clip by clip."""

    def __init__(self, folder: Path, camera_id: str) -> None:
        self.path = folder / f"boxes_{camera_id}.parquet"
        self.rows = 0
        with disk_full_is_said(self.path):
            self._writer = pq.ParquetWriter(self.path, BOXES_SCHEMA, compression="zstd")

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Append rows in the order of time."""
        if rows:
            ordered = sorted(rows, key=lambda row: (row["at"], row["tracklet_id"]))
            with disk_full_is_said(self.path):
                self._writer.write_table(pa.Table.from_pylist(ordered, schema=BOXES_SCHEMA))
            self.rows += len(rows)

    def close(self) -> None:
        """Finish the file."""
        with disk_full_is_said(self.path):
            self._writer.close()


def describe(
    path: Path,
    kind: FileKind,
    *,
    rows: int | None = None,
    camera_id: str | None = None,
    started_at: datetime | None = None,
    ended_at: datetime | None = None,
) -> DayFile:
    """A finished file as the manifest names it."""
    return DayFile(
        kind=kind,
        name=path.name,
        bytes=path.stat().st_size,
        sha256=sha256_of(path),
        rows=rows,
        camera_id=camera_id,
        started_at=started_at,
        ended_at=ended_at,
    )


def publish(
    folder: Path, store: DayStore, day: date, describe_day: Callable[[int], Manifest], inputs: dict[str, Any]
) -> tuple[Manifest, Path]:
    """Give a finished draft its number and move it into place, durably: files first, then their folder, then its name.

    Args:
        describe_day: the manifest of the revision with a number.

    Raises:
        DiskFullError: no space is left; the draft goes, what was there stays.
    """
    home = store.folder(day)
    with issuing(home), disk_full_is_said(home):
        manifest = describe_day(store.next_revision(day))
        target = home / f"r{manifest.revision}"
        (folder / INPUTS).write_text(json.dumps(inputs, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        (folder / MANIFEST).write_bytes(manifest.to_bytes())
        for path in folder.iterdir():
            fsync_path(path)
        fsync_path(folder)
        folder.rename(target)
        fsync_path(home)
    return manifest, target


def read_inputs(folder: Path) -> dict[str, Any] | None:
    """What a revision was made from, or none where that is not known."""
    try:
        inputs = json.loads((folder / INPUTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return inputs if isinstance(inputs, dict) and "cameras" in inputs else None
