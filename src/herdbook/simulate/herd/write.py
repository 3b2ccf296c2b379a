"""Parts on disk: Parquet files beside each other, then the marker, then the folder is moved into place, whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from herdbook.contracts.bulk import MARKER, Part, PartFile
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import disk_full_is_said, fsync_path, replace_durably, write_durably

Rows: TypeAlias = "pa.Table | Iterable[pa.Table]"
_ROW_GROUP = 250_000


def write_part(parts: Path, name: str, tables: Mapping[str, Rows]) -> Part:
    """Write a part under ``parts/<name>``; tables without rows are left out.

    Raises:
        DiskFullError: no space is left.
    """
    work = parts / f".{name}.part"
    with disk_full_is_said(parts):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        files = []
        for table, rows in tables.items():
            path = work / f"{table}.parquet"
            if count := write_rows(path, rows):
                files.append(PartFile(table=table, name=path.name, rows=count, sha256=sha256_of(path)))
        part = Part(name=name, files=tuple(files))
        write_durably(work / MARKER, (part.model_dump_json(indent=1) + "\n").encode())
        work.replace(parts / name)
        fsync_path(parts)
    return part


def write_rows(path: Path, rows: Rows) -> int:
    """Write one Parquet file, piece by piece; how many rows. Without any there is no file."""
    count = 0
    writer: pq.ParquetWriter | None = None
    for piece in [rows] if isinstance(rows, pa.Table) else rows:
        if not piece.num_rows:
            continue
        if writer is None:
            # readers get plain columns, whatever this program held them as
            writer = pq.ParquetWriter(path, piece.schema, compression="zstd", store_schema=False)
        writer.write_table(piece, row_group_size=_ROW_GROUP)
        count += piece.num_rows
    if writer is not None:
        writer.close()
        fsync_path(path)
    return count


def write_whole(path: Path, rows: pa.Table) -> None:
    """Write one Parquet file so that it is there whole or not at all.

    Raises:
        DiskFullError: no space is left.
    """
    work = path.with_name(f".{path.name}.part")
    with disk_full_is_said(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, work, compression="zstd", store_schema=False)
        replace_durably(work, path)
