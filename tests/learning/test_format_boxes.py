"""This platform's own boxes: a file, a folder of them, a device day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from herdbook.contracts.device_day import FileKind, Manifest, parse_manifest
from herdbook.contracts.records import BOXES_SCHEMA
from herdbook.errors import FileFormatError, InputError, NotFoundError, UnsafePathError
from herdbook.learning.formats.boxes import read_boxes
from support.device_day import DaySpec, day_file, write_device_day

BEGIN = datetime(2026, 3, 2, 6, tzinfo=UTC)


def row(clip: str = "a.mp4", frame: int = 1, animal: str = "t1", **more: Any) -> dict[str, Any]:
    size = {"x": 1.5, "y": 2.0, "width": 30.0, "height": 40.0, "confidence": 0.5}
    return {"clip": clip, "frame": frame, "at": BEGIN, "tracklet_id": animal} | size | more


def write(path: Path, *rows: dict[str, Any]) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows), schema=BOXES_SCHEMA), path)
    return path


def device_day(root: Path, clips: int, cameras: int = 1, gap: int = 2) -> Path:
    """A device day whose clips of 2 s (8 frames) each hold one box in frame 1 and one in frame 8."""
    folder = write_device_day(root, DaySpec(clips=clips, cameras=cameras))
    manifest = parse_manifest((folder / "manifest.json").read_bytes())
    files = [file for file in manifest.files if file.kind is not FileKind.BOXES and file.kind is not FileKind.CLIP]
    for i, clip in enumerate(manifest.of_kind(FileKind.CLIP)):
        begin = BEGIN + timedelta(seconds=gap * (i // cameras))
        where = {"camera_id": clip.camera_id, "started_at": begin, "ended_at": begin + timedelta(seconds=2)}
        boxes = clip.name.replace(".mp4", ".boxes.parquet")
        write(folder / boxes, row(clip.name, 1, f"t{i}"), row(clip.name, 8, f"t{i}"))
        files += [clip.model_copy(update=where), day_file(folder, FileKind.BOXES, boxes, **where)]
    issued = Manifest.model_validate(manifest.model_dump() | {"files": [file.model_dump() for file in files]})
    (folder / "manifest.json").write_bytes(issued.to_bytes())
    return folder


# -- one clip --------------------------------------------------------------------------------------------------------


def test_a_boxes_file_of_one_clip_is_read_as_it_is(tmp_path: Path) -> None:
    tracks = read_boxes(write(tmp_path / "b.parquet", row(frame=3), row(frame=2, animal="t0")))
    assert tracks.frames.tolist() == [2, 3]
    assert tracks.names == ("t0", "t1")
    assert tracks.boxes[0].tolist() == [1.5, 2, 30, 40]


def test_a_boxes_file_without_rows_is_a_tracker_that_saw_nothing(tmp_path: Path) -> None:
    assert len(read_boxes(write(tmp_path / "b.parquet"))) == 0


def test_of_several_clips_one_is_chosen_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "b.parquet", row("a.mp4", 1), row("b.mp4", 7))
    assert read_boxes(path, clip="b.mp4").frames.tolist() == [7]
    with pytest.raises(InputError, match=r"holds boxes of 2 clips: a\.mp4, b\.mp4") as caught:
        read_boxes(path)
    assert "--clip" in caught.value.remedy
    with pytest.raises(NotFoundError, match=r"no boxes of a clip 'c\.mp4'"):
        read_boxes(path, clip="c.mp4")


# -- a device day ----------------------------------------------------------------------------------------------------


def test_clips_of_a_device_day_are_laid_end_to_end_on_the_cameras_time_line(tmp_path: Path) -> None:
    tracks = read_boxes(device_day(tmp_path, clips=3))  # 4 frames a second
    assert tracks.frames.tolist() == [1, 8, 9, 16, 17, 24]
    assert tracks.remarks == ("3 clips laid end to end",)


def test_time_between_clips_keeps_its_place(tmp_path: Path) -> None:
    assert read_boxes(device_day(tmp_path, clips=2, gap=10)).frames.tolist() == [1, 8, 41, 48]


def test_a_clip_of_a_device_day_counts_from_its_own_first_frame(tmp_path: Path) -> None:
    folder = device_day(tmp_path, clips=2)
    clip = parse_manifest((folder / "manifest.json").read_bytes()).of_kind(FileKind.CLIP)[1]
    assert read_boxes(folder, clip=clip.name).frames.tolist() == [1, 8]


def test_of_several_cameras_one_is_chosen(tmp_path: Path) -> None:
    folder = device_day(tmp_path, clips=4, cameras=2)
    with pytest.raises(InputError, match="boxes of barn-a-1-cam-1, barn-a-1-cam-2") as caught:
        read_boxes(folder)
    assert "--camera" in caught.value.remedy
    tracks = read_boxes(folder, camera="barn-a-1-cam-2")
    assert (tracks.names, tracks.frames.tolist()) == (("t1", "t3"), [1, 8, 9, 16])
    with pytest.raises(NotFoundError, match="has no camera 'cam-9'"):
        read_boxes(folder, camera="cam-9")


def test_a_landed_day_keeps_its_files_in_a_folder_of_their_own(tmp_path: Path) -> None:
    folder = device_day(tmp_path, clips=2)
    (folder / "files").mkdir()
    for file in folder.glob("*.parquet"):
        file.rename(folder / "files" / file.name)
    assert read_boxes(folder).frames.tolist() == [1, 8, 9, 16]


def test_a_folder_of_footage_without_manifest_is_read_where_it_is_one_clip(tmp_path: Path) -> None:
    write(tmp_path / "a.boxes.parquet", row("a.mp4"))
    pq.write_table(pa.table({"other": [1]}), tmp_path / "other.parquet")
    assert len(read_boxes(tmp_path)) == 1
    with pytest.raises(InputError, match="no manifest that names cameras"):
        read_boxes(tmp_path, camera="cam-1")
    write(tmp_path / "b.boxes.parquet", row("b.mp4"))
    with pytest.raises(InputError, match="holds boxes of 2 clips"):
        read_boxes(tmp_path)


# -- what is refused -------------------------------------------------------------------------------------------------


def test_other_parquet_is_refused_with_the_columns_that_it_lacks(tmp_path: Path) -> None:
    pq.write_table(pa.table({"frame": [1]}), tmp_path / "b.parquet")
    with pytest.raises(FileFormatError, match=r"b\.parquet is not a boxes file") as caught:
        read_boxes(tmp_path / "b.parquet")
    assert "tracklet_id" in caught.value.remedy


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "b.parquet", row())
    raw = path.read_bytes()
    path.write_bytes(raw[:40] + b"\x00" * 60 + raw[100:])
    with pytest.raises(FileFormatError, match="is not a boxes file"):
        read_boxes(path)
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(FileFormatError, match="is not a boxes file"):
        read_boxes(path)


def test_a_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "b.parquet", row(animal="tracklet-1"))
    raw = path.read_bytes()
    assert raw.count(b"tracklet-1") > 1  # the value, and the column's statistics
    path.write_bytes(raw.replace(b"tracklet-1", b"tracklet-\xff"))
    with pytest.raises(FileFormatError, match="is not a boxes file"):
        read_boxes(path)


def test_a_column_of_another_type_is_refused(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([row()], schema=BOXES_SCHEMA)
    texts = table.set_column(4, "x", pa.array(["left"]))
    pq.write_table(texts, tmp_path / "b.parquet")
    with pytest.raises(FileFormatError, match="is not a boxes file"):
        read_boxes(tmp_path / "b.parquet")


def test_a_null_is_refused(tmp_path: Path) -> None:
    loose = pa.schema([field.with_nullable(True) for field in BOXES_SCHEMA])
    pq.write_table(pa.Table.from_pylist([row(x=None)], schema=loose), tmp_path / "b.parquet")
    with pytest.raises(FileFormatError, match="x"):
        read_boxes(tmp_path / "b.parquet")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row(), row()], "frame 1, id t1: the id occurs twice in the frame"),
        ([row(width=-1.0)], "width and height must be above 0"),
        ([row(x=float("nan"))], "not a finite number"),
        ([row(frame=0)], "frames count from 1"),
    ],
)
def test_a_box_that_cannot_be_is_refused(tmp_path: Path, rows: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(FileFormatError, match=said):
        read_boxes(write(tmp_path / "b.parquet", *rows))


def test_a_manifest_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    folder = device_day(tmp_path, clips=1)
    manifest = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(manifest.replace(".boxes.parquet", "/../../../etc/passwd"))
    with pytest.raises(UnsafePathError, match="passwd"):
        read_boxes(folder)


def test_a_boxes_file_that_the_manifest_promises_and_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = device_day(tmp_path, clips=1)
    gone = next(folder.glob("*.boxes.parquet"))
    gone.unlink()
    with pytest.raises(NotFoundError, match=gone.name):
        read_boxes(folder)
