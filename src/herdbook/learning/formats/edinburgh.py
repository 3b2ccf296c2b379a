"""Edinburgh Pig Behaviour ``output.json``: a log of changes per animal, read into a box per animal and annotated frame.

Source: https://homepages.inf.ed.ac.uk/rbf/PIGDATA/ (8 pigs, 6 frames a second, every third video frame annotated, clips
of 1,800 video frames). What the format leaves open is decided in docs/adr/0011-edinburgh-reader.md:

- An entry holds from its frame until the animal's next entry, or to the end of the clip. A key that an entry leaves out
  keeps its value. ``visible: false`` and ``bbox: null`` end the box until an entry shows it again.
- Entries are applied in the order of their frames; of several at one frame the last in the file holds.
- The clip ends where ``times.txt`` beside the file ends, otherwise after 600 annotated frames or the last one named.
- ``frameNumber`` n is the video frame 3 n + 1 when frames count from 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from herdbook.contracts.ethogram import Ethogram
from herdbook.errors import FileFormatError
from herdbook.learning.formats.capture_times import read_capture_times
from herdbook.learning.formats.source import read_bytes
from herdbook.learning.formats.tracks import MAX_BOXES, Tracks

FILE = "output.json"
STEP = 3
"""Video frames per annotated frame."""
CLIP_FRAMES = 600
"""Annotated frames of a whole clip (5 minutes)."""
MAX_FRAMES = 1_000_000
"""Annotated frames a clip may have: 138 hours at two a second."""


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class _Box(_Lenient):
    x: float
    y: float
    width: Annotated[float, Field(gt=0)]
    height: Annotated[float, Field(gt=0)]


class _Entry(_Lenient):
    frame: Annotated[int, Field(alias="frameNumber", ge=0, lt=MAX_FRAMES)]
    bbox: _Box | None = None
    visible: bool | None = None
    behaviour: str | None = None


class _Object(_Lenient):
    id: str | int
    frames: list[_Entry]


class _Output(_Lenient):
    objects: list[_Object]


class _Run(NamedTuple):
    """One animal unchanged over annotated frames ``[start, end)``."""

    animal: str
    start: int
    end: int
    box: _Box
    behaviour: str | None


def read_edinburgh(path: Path, *, ethogram: Ethogram | None = None, frames: int | None = None) -> Tracks:
    """Read an ``output.json``, or the clip folder that holds one.

    Args:
        path: the file or folder.
        ethogram: maps the raw behaviours to its own, for example ``pig-9``; raw ones are kept without it.
        frames: annotated frames of the clip; told from ``times.txt`` or the file if not given.

    Returns:
        Tracks with behaviours, ``stated`` on every annotated frame. A file without animals gives tracks without boxes.

    Raises:
        NotFoundError, InputError: a file cannot be read.
        FileFormatError: it is not such a file, contradicts itself, or has a behaviour that the ethogram does not know.
    """
    file = path / FILE if path.is_dir() else path
    output = _parse(file)
    last = max((entry.frame for animal in output.objects for entry in animal.frames), default=-1)
    length = frames if frames is not None else _clip_length(file, last)
    if last >= length:
        raise FileFormatError(
            f"{file}: frame {last} lies after the clip's end, which has {length} annotated frames",
            "Put the clip's own times.txt beside the file, or take away a wrong one.",
        )
    runs = [run for animal in output.objects for run in _runs(file, animal, length)]
    if sum(run.end - run.start for run in runs) > MAX_BOXES:
        raise FileFormatError(f"{file} says more than {MAX_BOXES:,} boxes", "Split the clip.")
    return _expand(file, runs, length, ethogram, _remarks(output))


def _parse(file: Path) -> _Output:
    try:
        output = _Output.model_validate_json(read_bytes(file))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise FileFormatError(
            f"{file} is not Edinburgh output.json: {where}: {first['msg']}",
            "Expected: objects[].frames[] with frameNumber, bbox {x, y, width, height}, visible, behaviour.",
        ) from error
    names = [str(animal.id) for animal in output.objects]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FileFormatError(f"{file}: two objects have the id {twice}", "Give every animal an id of its own.")
    return output


def _clip_length(file: Path, last: int) -> int:
    times = file.with_name("times.txt")
    if times.is_file():
        return -(-len(read_capture_times(times)) // STEP)
    return max(CLIP_FRAMES, last + 1)


def _runs(file: Path, animal: _Object, length: int) -> list[_Run]:
    entries = sorted(animal.frames, key=lambda entry: entry.frame)  # stable: the last in the file stays last
    ends = [entry.frame for entry in entries[1:]] + [length]
    runs: list[_Run] = []
    box: _Box | None = None
    behaviour: str | None = None
    visible = True
    for entry, end in zip(entries, ends, strict=False):
        said = entry.model_fields_set
        if "visible" in said and entry.visible is not None:
            visible = entry.visible
        if "bbox" in said:
            box = entry.bbox
        if "behaviour" in said:
            behaviour = entry.behaviour
        if visible and box is None and "bbox" not in said:
            raise FileFormatError(f"{file}: object {animal.id}, frame {entry.frame}: visible, but it has no bbox yet")
        if visible and box is not None and end > entry.frame:
            runs.append(_Run(str(animal.id), entry.frame, end, box, behaviour))
    return runs


def _expand(file: Path, runs: list[_Run], length: int, ethogram: Ethogram | None, remarks: tuple[str, ...]) -> Tracks:
    spans = [np.arange(run.start, run.end) for run in runs]
    sizes = [len(span) for span in spans]
    annotated = np.concatenate(spans) if spans else np.empty(0, dtype=np.int64)
    behaviours = [_behaviour(file, run, ethogram) for run in runs]
    return Tracks.checked(
        str(file),
        annotated * STEP + 1,
        np.repeat([run.animal for run in runs], sizes),
        np.repeat([[run.box.x, run.box.y, run.box.width, run.box.height] for run in runs], sizes, axis=0),
        behaviours=[name for name, size in zip(behaviours, sizes, strict=True) for _ in range(size)],
        stated=np.arange(length, dtype=np.int64) * STEP + 1,
        remarks=remarks,
    )


def _behaviour(file: Path, run: _Run, ethogram: Ethogram | None) -> str | None:
    if ethogram is None or run.behaviour is None:
        return run.behaviour
    name = ethogram.from_raw(run.behaviour)
    if name is None:
        raise FileFormatError(
            f"{file}: object {run.animal}, frame {run.start}: ethogram {ethogram.ethogram_id} does not know the "
            f"behaviour '{run.behaviour}'",
            "Add the label to a new version of the ethogram, or read the file without one.",
        )
    return name


def _remarks(output: _Output) -> tuple[str, ...]:
    again = sum(len(a.frames) - len({entry.frame for entry in a.frames}) for a in output.objects)
    backwards = any(e.frame < d.frame for a in output.objects for d, e in zip(a.frames, a.frames[1:], strict=False))
    found = []
    if again:
        found.append(f"{again} entries were overwritten by a later one at the same frame")
    if backwards:
        found.append("entries were not in the order of their frames")
    return tuple(found)
