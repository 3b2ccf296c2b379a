"""YOLO labels: a text file per picture, ``class cx cy width height`` in shares of the picture.

Source: https://docs.ultralytics.com/datasets/detect/. A folder holds ``labels/…/<name>.txt`` beside ``images/…``, or
both together; class names come from ``data.yaml`` (``names``) or ``classes.txt`` / ``obj.names``. A line of more than
six numbers is an outline (``class x1 y1 x2 y2 …``), a sixth a confidence, which truth does not have and is not kept.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from herdbook.errors import FileFormatError, NotFoundError
from herdbook.learning.formats.annotations import Annotations, Picture, Shape, bounds_of
from herdbook.learning.formats.source import read_text

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_NAMES = ("classes.txt", "obj.names", "labels.txt")
_EXPECTED = "Expected: a folder with images, a label file of the same name for each, and data.yaml or classes.txt."


def is_yolo(folder: Path) -> bool:
    """Whether a folder looks like one."""
    return any((folder / name).is_file() for name in ("data.yaml", "data.yml", *_NAMES))


def read_yolo(folder: Path) -> Annotations:
    """Read a folder. A picture without a label file was looked at and shows nothing, as YOLO has it.

    Raises:
        NotFoundError: there are no pictures, or no names of classes.
        FileFormatError: a label file belongs to no picture, or a line is not a box.
    """
    from PIL import Image

    names = _names(folder)
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise NotFoundError(f"{folder} holds no pictures", _EXPECTED)
    pictures, shapes = [], []
    used: set[Path] = set()
    for file in files:
        try:
            with Image.open(file) as image:
                width, height = image.size
        except OSError as error:
            raise FileFormatError(f"{file} is not a picture: {error}") from error
        picture = Picture(file.relative_to(folder).as_posix(), width, height)
        pictures.append(picture)
        label = _label_file(folder, file)
        if label.is_file():
            used.add(label)
            shapes += _shapes(label, picture, names)
    others = {f for f in folder.rglob("*.txt") if f.name not in _NAMES and f not in used and f.parent != folder}
    if others:
        raise FileFormatError(f"{min(others)} belongs to no picture ({len(others)} such files)", _EXPECTED)
    return Annotations(str(folder), tuple(pictures), tuple(names), tuple(shapes))


def _names(folder: Path) -> list[str]:
    for name in ("data.yaml", "data.yml"):
        if (folder / name).is_file():
            try:
                said = yaml.safe_load(read_text(folder / name))
            except yaml.YAMLError as error:
                raise FileFormatError(f"{folder / name} is not YAML: {error}", _EXPECTED) from error
            names = said.get("names") if isinstance(said, dict) else None
            if isinstance(names, dict):
                names = [names[key] for key in sorted(names)]
            if isinstance(names, list) and names and all(isinstance(n, str) for n in names):
                return names
            raise FileFormatError(f"{folder / name} lists no names", _EXPECTED)
    for name in _NAMES:
        if (folder / name).is_file():
            return [line.strip() for line in read_text(folder / name).splitlines() if line.strip()]
    raise NotFoundError(f"{folder} does not say what its classes are", _EXPECTED)


def _label_file(folder: Path, file: Path) -> Path:
    """``images/a/b.png`` → ``labels/a/b.txt``; otherwise beside the picture."""
    parts = list(file.relative_to(folder).with_suffix(".txt").parts)
    if "images" in parts[:-1]:
        last = len(parts) - 2 - parts[:-1][::-1].index("images")
        parts[last] = "labels"
    return folder.joinpath(*parts)


def _shapes(file: Path, picture: Picture, names: list[str]) -> list[Shape]:
    found = []
    text = file.read_text(encoding="utf-8", errors="replace")  # an empty file says that nothing is there
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            label, *rest = line.split()
            numbers = [float(value) for value in rest]
            name = names[int(label)] if int(label) >= 0 else None
        except (ValueError, IndexError):
            name, numbers = None, []
        if name is None or not (len(numbers) in (4, 5) or (len(numbers) >= 6 and len(numbers) % 2 == 0)):
            raise FileFormatError(
                f"{file}, line {number}: expected a class of {len(names)} and its box, got {line.strip()[:60]!r}",
                _EXPECTED,
            )
        if len(numbers) <= 5:
            cx, cy, w, h = numbers[:4]
            box = (
                (cx - w / 2) * picture.width,
                (cy - h / 2) * picture.height,
                w * picture.width,
                h * picture.height,
            )
            found.append(Shape(picture.name, name, box))
        else:
            polygon = tuple(v * (picture.height if k % 2 else picture.width) for k, v in enumerate(numbers))
            found.append(Shape(picture.name, name, bounds_of([polygon]), (polygon,)))
    return found
