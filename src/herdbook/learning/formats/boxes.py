"""This platform's own per-frame boxes: Parquet files beside the footage (`contracts.records.BOXES_SCHEMA`).

A boxes file counts frames from 1 within each clip. One clip is read as it is. Several clips of one camera are laid end
to end along the camera's time line, which the manifest of the device day tells: frame 1 is the first clip's first.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from herdbook.contracts.device_day import FileKind, Manifest, parse_manifest
from herdbook.contracts.records import BOXES_SCHEMA
from herdbook.errors import FileFormatError, InputError, NotFoundError
from herdbook.learning.formats.source import read_bytes
from herdbook.learning.formats.tracks import MAX_BOXES, Tracks

MANIFEST = "manifest.json"


def read_boxes(path: Path, *, camera: str | None = None, clip: str | None = None) -> Tracks:
    """Read a boxes file, a folder of them, or a device day's folder.

    Args:
        path: the file or folder. With a ``manifest.json`` a folder is a device day, its files in it or in ``files/``.
        camera: read this camera's clips only; needs the manifest.
        clip: read this clip only, frames as they are.

    Raises:
        NotFoundError: nothing of that name.
        InputError: there are several cameras, or several clips and no manifest, and none was chosen.
        FileFormatError: a file is not such a file, or a box is not valid.
    """
    manifest = _manifest(path)
    table = pa.concat_tables(_read(file) for file in _files(path, manifest))
    if clip is not None:
        table = table.filter(pc.equal(table["clip"], clip))
        if not len(table):
            raise NotFoundError(f"{path} has no boxes of a clip '{clip}'", "Check the clip's name.")
    starts = _starts(path, manifest, camera, table) if clip is None else {}
    if starts:
        table = table.filter(pc.is_in(table["clip"], pa.array(list(starts))))
    clips = pc.unique(table["clip"]).to_pylist()
    if len(clips) > 1 and not starts:
        raise InputError(
            f"{path} holds boxes of {len(clips)} clips: {_listed(clips)}",
            "Choose one with --clip, or give the device day's folder, whose manifest says when each starts.",
        )
    return _tracks(path, table, starts)


def is_boxes(path: Path) -> bool:
    """Whether a Parquet file is a boxes file by its columns."""
    try:
        return set(BOXES_SCHEMA.names) <= set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError, ValueError):
        return False


def _manifest(path: Path) -> Manifest | None:
    file = path / MANIFEST
    return parse_manifest(read_bytes(file)) if file.is_file() else None


def _files(path: Path, manifest: Manifest | None) -> list[Path]:
    if not path.is_dir():
        return [path]
    if manifest is not None:
        named = [file.name for file in manifest.of_kind(FileKind.BOXES)]
        found = [next((f for f in (path / n, path / "files" / n) if f.is_file()), path / n) for n in named]
    else:
        found = sorted(file for file in path.glob("*.parquet") if is_boxes(file))
    if not found:
        raise NotFoundError(f"{path} holds no boxes files", "Boxes stay beside the footage: name their folder.")
    return found


def _read(file: Path) -> pa.Table:
    read_bytes(file, 4)  # says what is wrong with a file that is absent or empty
    try:
        parquet = pq.ParquetFile(file)
        if parquet.metadata.num_rows > MAX_BOXES:
            raise FileFormatError(f"{file} holds more than {MAX_BOXES:,} boxes", "Choose fewer clips.")
        table = parquet.read(columns=BOXES_SCHEMA.names).cast(BOXES_SCHEMA)
        table.validate(full=True)  # a damaged text is found here, not where it is first used
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise FileFormatError(
            f"{file} is not a boxes file: {str(error).splitlines()[0]}",
            f"A boxes file is Parquet with the columns {', '.join(BOXES_SCHEMA.names)}.",
        ) from error
    empty = [name for name in BOXES_SCHEMA.names if table[name].null_count]
    if empty:
        raise FileFormatError(f"{file}: null in {', '.join(empty)}")
    return table


def _starts(path: Path, manifest: Manifest | None, camera: str | None, table: pa.Table) -> dict[str, int]:
    """Video frames before each of the camera's clips; empty without a manifest."""
    if manifest is None:
        if camera is not None:
            raise InputError(f"{path} has no manifest that names cameras", "Choose a clip with --clip instead.")
        return {}
    known = {file.name: file for file in manifest.of_kind(FileKind.CLIP)}
    with_boxes = set(pc.unique(table["clip"]).to_pylist())
    cameras = {known[name].camera_id for name in with_boxes if name in known}
    if with_boxes - set(known):
        raise FileFormatError(f"{path}: boxes name the clip {min(with_boxes - set(known))}, the manifest does not")
    if camera is None:
        if len(cameras) > 1:
            raise InputError(f"{path} has boxes of {_listed(cameras)}", "Choose one with --camera.")
        camera = next(iter(cameras), None)
    setup = next((c for c in manifest.cameras if c.camera_id == camera), None)
    if camera is not None and setup is None:
        raise NotFoundError(
            f"{path} has no camera '{camera}'", f"It has {_listed(c.camera_id for c in manifest.cameras)}."
        )
    begun = {name: file.started_at for name, file in known.items() if file.camera_id == camera and file.started_at}
    if setup is None or not begun:
        return {}
    first = min(begun.values())
    return {name: round((start - first).total_seconds() * setup.fps) for name, start in begun.items()}


def _listed(names: Iterable[str | None]) -> str:
    known = sorted(str(name) for name in names)
    return ", ".join(known[:6]) + (", …" if len(known) > 6 else "")


def _tracks(path: Path, table: pa.Table, starts: dict[str, int]) -> Tracks:
    clips = table["clip"].combine_chunks().dictionary_encode()
    before = np.asarray([starts.get(name, 0) for name in clips.dictionary.to_pylist()], dtype=np.int64)
    offset = before[clips.indices.to_numpy()] if len(table) else np.empty(0, dtype=np.int64)
    boxes = np.column_stack([table[name].to_numpy() for name in ("x", "y", "width", "height")])
    remarks = (f"{len(starts)} clips laid end to end",) if len(starts) > 1 else ()
    return Tracks.checked(
        str(path), table["frame"].to_numpy() + offset, table["tracklet_id"].to_pylist(), boxes, remarks=remarks
    )
