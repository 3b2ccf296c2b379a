"""Annotations as tools hand them over: a file, a folder, or a zip with the pictures beside the annotations."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path, PurePosixPath

from herdbook.contracts.durable import disk_full_is_said, replace_durably
from herdbook.errors import FileFormatError, InputError, NotFoundError
from herdbook.learning.formats import detect
from herdbook.learning.formats.annotations import Annotations, from_tracks
from herdbook.learning.formats.coco import coco_bytes, parse_coco
from herdbook.learning.formats.cvat import parse_cvat
from herdbook.learning.formats.cvat_write import cvat_bytes
from herdbook.learning.formats.source import read_bytes
from herdbook.learning.formats.yolo import SUFFIXES, is_yolo, read_yolo

MAX_MEMBER = 2 << 30
"""Bytes of one file in a zip, unpacked."""
_ZIP = b"PK\x03\x04"


class AnnotationFormat(StrEnum):
    """Formats that annotations are read from; the first three are written too."""

    COCO = "coco"
    CVAT = "cvat"
    CVAT_VIDEO = "cvat-video"
    YOLO = "yolo"
    MOTCHALLENGE = "motchallenge"
    EDINBURGH = "edinburgh"


Pictures = Callable[[str], bytes | None]
"""A picture's encoded bytes by its name, or none where it is not there."""


def read_annotations(
    path: Path,
    annotation_format: AnnotationFormat | None = None,
    *,
    label: str = "pig",
    size: tuple[int, int] | None = None,
) -> Annotations:
    """Read annotations.

    Args:
        path: a file, folder or zip.
        annotation_format: its format; told by its content if not given.
        label: what the boxes of tracks show, which name no class.
        size: width and height of the video that tracks are of, which name none.

    Raises:
        NotFoundError, InputError: there is nothing, or it cannot be read.
        FileFormatError: it is not of the format.
    """
    found = annotation_format or detect_annotations(path)
    match found:
        case AnnotationFormat.YOLO:
            return read_yolo(path)
        case AnnotationFormat.COCO:
            return parse_coco(_content(path, ".json"), str(path))
        case AnnotationFormat.CVAT | AnnotationFormat.CVAT_VIDEO:
            try:
                return parse_cvat(_content(path, ".xml").decode("utf-8-sig"), str(path))
            except UnicodeDecodeError as error:
                raise FileFormatError(f"{path} is not UTF-8 text") from error
        case AnnotationFormat.MOTCHALLENGE | AnnotationFormat.EDINBURGH:
            if size is None:
                raise InputError(f"{path} does not say how large its pictures are", "Give the video it is of.")
            tracks = detect.read_tracks(path, detect.TrackFormat(found.value), truth=True)
            return from_tracks(tracks, str(path), label, size)


def detect_annotations(path: Path) -> AnnotationFormat:
    """The format of a file, folder or zip.

    Raises:
        NotFoundError, InputError, FileFormatError: as `read_annotations`.
    """
    if path.is_dir() and is_yolo(path):
        return AnnotationFormat.YOLO
    head = b"" if path.is_dir() else read_bytes(path, 4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(_ZIP):
        with _archive(path) as archive:
            xml = any(name.endswith(".xml") for name in archive.namelist())
        return AnnotationFormat.CVAT if xml else AnnotationFormat.COCO
    if head.startswith(b"<"):
        return AnnotationFormat.CVAT
    if head.startswith(b"{") and not _is_edinburgh(path):
        return AnnotationFormat.COCO
    found = detect.detect_format(path)
    if found is detect.TrackFormat.BOXES:
        raise FileFormatError(f"{path} holds a device's own boxes, which nobody annotated")
    return AnnotationFormat(found.value)


def write_package(
    path: Path,
    annotations: Annotations,
    annotation_format: AnnotationFormat,
    pictures: Iterable[tuple[str, bytes]] = (),
) -> None:
    """Write annotations as a file, or, where its name ends in ``.zip``, with pictures beside them.

    Raises:
        InputError: the format is not written.
        DiskFullError: no space is left.
    """
    match annotation_format:
        case AnnotationFormat.COCO:
            name, content = "annotations/instances.json", coco_bytes(annotations)
        case AnnotationFormat.CVAT:
            name, content = "annotations.xml", cvat_bytes(annotations, video=False)
        case AnnotationFormat.CVAT_VIDEO:
            name, content = "annotations.xml", cvat_bytes(annotations, video=True)
        case _:
            raise InputError(f"{annotation_format.value} is read, not written", "Write coco, cvat or cvat-video.")
    part = path.with_name(f".{path.name}.part")
    with disk_full_is_said(path):
        try:
            if path.suffix == ".zip":
                with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
                    archive.writestr(name, content, zipfile.ZIP_DEFLATED)
                    for picture, encoded in pictures:
                        archive.writestr(f"images/{picture}", encoded)
            else:
                part.write_bytes(content)
            replace_durably(part, path)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def open_pictures(*places: Path) -> Iterator[Pictures]:
    """Pictures by name from folders and zips: by the end of their path, where only one has it."""
    folders = [place for place in places if place.is_dir()]
    archives = []
    try:
        for place in places:
            if place.is_file() and read_bytes(place, 4) == _ZIP:
                archives.append(zipfile.ZipFile(place))
        yield _lookup(folders, archives)
    finally:
        for archive in archives:
            archive.close()


def _lookup(folders: list[Path], archives: list[zipfile.ZipFile]) -> Pictures:
    index: dict[str, list[Callable[[], bytes]]] = {}

    def add(relative: str, read: Callable[[], bytes]) -> None:
        path = PurePosixPath(relative)
        keys = {relative, path.name, *(str(PurePosixPath(*path.parts[k:])) for k in range(1, len(path.parts)))}
        for key in keys:
            index.setdefault(key, []).append(read)

    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.suffix.lower() in SUFFIXES:
                add(file.relative_to(folder).as_posix(), file.read_bytes)
    for archive in archives:
        for member in archive.infolist():
            if PurePosixPath(member.filename).suffix.lower() in SUFFIXES and member.file_size <= MAX_MEMBER:
                add(member.filename, lambda archive=archive, member=member: archive.read(member))  # type: ignore[misc]

    def find(name: str) -> bytes | None:
        found = index.get(name) or index.get(PurePosixPath(name).name, [])
        return found[0]() if len(found) == 1 else None

    return find


def _content(path: Path, suffix: str) -> bytes:
    if read_bytes(path, 4) != _ZIP:
        return read_bytes(path)
    with _archive(path) as archive:
        members = [member for member in archive.infolist() if member.filename.endswith(suffix)]
        if len(members) != 1:
            raise FileFormatError(f"{path} holds {len(members)} {suffix} files, not one", "Import them one by one.")
        if members[0].file_size > MAX_MEMBER:
            raise FileFormatError(f"{path}: {members[0].filename} unpacks to more than {MAX_MEMBER:,} bytes")
        return archive.read(members[0])


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, OSError, RuntimeError) as error:
        raise FileFormatError(f"{path} is not a whole zip file: {error}") from error


def _is_edinburgh(path: Path) -> bool:
    try:
        document = json.loads(read_bytes(path))
    except ValueError:
        return False
    return isinstance(document, dict) and "objects" in document and "images" not in document


def require_pictures(pictures: Pictures, names: Iterable[str], source: str) -> None:
    """Check that every picture is there, once.

    Raises:
        NotFoundError: at least one is not.
    """
    missing = [name for name in names if pictures(name) is None]
    if missing:
        raise NotFoundError(
            f"{source}: {len(missing)} pictures are not there, first {missing[0]}",
            "Name the folder or zip that holds them; nothing was imported.",
        )
