"""The golden set of a site: frames that people annotated, kept for good.

``<home>/registry/golden/<site>/`` holds ``pictures/<device>/<day>/<clip>/<frame>.png`` and
``annotations/<version>.json`` (COCO). A version is whole and never changed: importing a picture again replaces its
labels in the next version, and leaves those of all others as they were.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import make_folder, write_durably
from herdbook.contracts.ethogram import Ethogram
from herdbook.contracts.farmtime import EARLIEST
from herdbook.errors import FileFormatError, NotFoundError
from herdbook.learning.datasets.clips import Clip
from herdbook.learning.datasets.labels import AnnotatedFrames, picture_name, place_of
from herdbook.learning.formats.annotations import ANIMAL, Annotations, Picture, Shape
from herdbook.learning.formats.checks import checked
from herdbook.learning.formats.coco import coco_bytes, read_coco
from herdbook.learning.formats.packages import Pictures, require_pictures
from herdbook.learning.pixels import decode_picture, png_bytes
from herdbook.settings import Settings

GIVEN = "given_name"
"""What a picture was called where it came from."""
ELSEWHERE = "elsewhere"
"""The device of pictures that none of ours took."""


@dataclass(frozen=True)
class Imported:
    """What an import brought."""

    site: str
    version: int
    pictures: int
    shapes: int
    replaced: int
    """Pictures that had labels before."""
    remarks: tuple[str, ...]


class GoldenSet:
    """The golden set of one site."""

    kind = "golden"
    """Its folder, and what stands beside its labels."""

    def __init__(self, settings: Settings, site: str) -> None:
        self.site = site
        self.folder = settings.registry / self.kind / site

    @property
    def versions(self) -> list[int]:
        """Versions there are, oldest first."""
        return sorted(int(file.stem) for file in (self.folder / "annotations").glob("*.json") if file.stem.isdecimal())

    def read(self, version: int | None = None) -> Annotations:
        """A version, the newest if none is named.

        Raises:
            NotFoundError: the site has no golden set, or not this version.
        """
        versions = self.versions
        if not versions or (version is not None and version not in versions):
            raise NotFoundError(
                f"there is no golden set of {self.site}" + (f", version {version}" if version else ""),
                "Import one: `herdbook learn golden import SITE FILE`.",
            )
        return read_coco(self._file(version or versions[-1]))

    def take(
        self,
        annotations: Annotations,
        pictures: Pictures,
        ethogram: Ethogram,
        *,
        rename: Mapping[str, str] | None = None,
        cut: bool = False,
        day: date | None = None,
    ) -> Imported:
        """Add annotations as the next version: all of them, or an error and nothing.

        Args:
            annotations: as read.
            pictures: finds each picture's bytes.
            ethogram: what classes and behaviours there are.
            rename: labels of the file and what they are here.
            cut: whether boxes partly outside their picture are cut instead of refused.
            day: when pictures were taken that were not given out by us; unknown days count as one.

        Raises:
            EmptyDatasetError, UnknownClassError, BoxOutsideFrameError, FileFormatError: see `formats.checks.checked`.
            NotFoundError: a picture is not there.
        """
        sound = checked(annotations, ethogram, rename=rename, cut=cut)
        require_pictures(pictures, (picture.name for picture in sound.pictures), annotations.source)
        names = _places(sound, day or EARLIEST)
        for picture in sound.pictures:
            self._store(picture, names[picture.name], pictures)
        before = self.read() if self.versions else Annotations("", (), (), ())
        merged = _merged(before, _renamed(sound, names))
        version = (self.versions or [0])[-1] + 1
        make_folder(self.folder / "annotations")
        write_durably(self._file(version), coco_bytes(merged))
        replaced = {p.name for p in before.pictures} & set(names.values())
        return Imported(self.site, version, len(names), len(sound.shapes), len(replaced), sound.remarks)

    def given_back(self, version: int | None = None) -> Annotations:
        """A version with every picture under the name it came with."""
        annotations = self.read(version)
        names = {p.name: str(p.extra.get(GIVEN, p.name)) for p in annotations.pictures}
        pictures = tuple(
            replace(p, name=names[p.name], extra={k: v for k, v in p.extra.items() if k != GIVEN})
            for p in annotations.pictures
        )
        shapes = tuple(replace(shape, picture=names[shape.picture]) for shape in annotations.shapes)
        return replace(annotations, pictures=pictures, shapes=shapes)

    def picture(self, name: str) -> Path:
        """Where a picture lies, by its name in `read`."""
        return self.folder / "pictures" / name

    def labels(self, version: int | None = None) -> AnnotatedFrames:
        """As labels of footage."""
        return AnnotatedFrames(self.read(version), self.kind)

    def digest(self, version: int | None = None) -> str:
        """What names a version by its content."""
        self.read(version)
        return sha256_of(self._file(version or self.versions[-1]))

    def clips(self, version: int | None = None) -> list[Clip]:
        """The annotated pictures as footage, for clips that are not here any more, or never were.

        Animals are those that were named, and a stand-in for the site's others.
        """
        annotations = self.read(version)
        animals: dict[tuple[str, date, str], set[str]] = {}
        for picture, shapes in annotations.of_picture().items():
            place = place_of(picture)
            if place is not None:
                named = {f"{self.site}/{a}" for shape in shapes if (a := shape.attribute(ANIMAL))}
                animals.setdefault(place[:3], set()).update(named, {f"whoever is in {self.site}"})
        return [self._clip(*place, frozenset(who)) for place, who in sorted(animals.items())]

    def _clip(self, device: str, day: date, stem: str, animals: frozenset[str]) -> Clip:
        folder = self.folder / "pictures" / device / day.isoformat() / stem
        noon = datetime.combine(day, time(12), ZoneInfo("UTC"))
        digest = self.digest()
        return Clip(self.site, device, device, day, stem, folder, digest, noon, noon, animals)

    def _file(self, version: int) -> Path:
        return self.folder / "annotations" / f"{version:04d}.json"

    def _store(self, picture: Picture, name: str, pictures: Pictures) -> None:
        encoded = pictures(picture.name)
        assert encoded is not None, "required above"
        image = decode_picture(encoded, picture.name)
        if image.shape[:2] != (picture.height, picture.width):
            raise FileFormatError(
                f"{picture.name} has {image.shape[1]} x {image.shape[0]} pixels, its annotations say {picture.width} x "
                f"{picture.height}"
            )
        target = self.picture(name)
        make_folder(target.parent)
        write_durably(target, encoded if encoded.startswith(b"\x89PNG") else png_bytes(image))


def _places(annotations: Annotations, day: date) -> dict[str, str]:
    """Each picture's name here: the one we gave it, otherwise a clip for each of its folders, numbered in order."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    source = _slug(Path(annotations.source).stem)
    for picture in sorted(annotations.pictures, key=lambda p: p.name):
        place = place_of(picture.name)
        if place is not None:
            names[picture.name] = picture_name(*place)
            continue
        folder = PurePosixPath(picture.name).parent
        clip = f"{source}-{_slug(folder.as_posix())}" if folder.parts else source
        counts[clip] = counts.get(clip, 0) + 1
        names[picture.name] = picture_name(ELSEWHERE, day, clip, counts[clip])
    return names


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "pictures"


def _renamed(annotations: Annotations, names: Mapping[str, str]) -> Annotations:
    pictures = tuple(
        replace(p, name=names[p.name], extra=p.extra if names[p.name] == p.name else {**p.extra, GIVEN: p.name})
        for p in annotations.pictures
    )
    shapes = tuple(replace(shape, picture=names[shape.picture]) for shape in annotations.shapes)
    return replace(annotations, pictures=pictures, shapes=shapes)


def _merged(before: Annotations, new: Annotations) -> Annotations:
    """What was there, with the new pictures in place of old ones of the same name and with new ids."""
    fresh = {picture.name for picture in new.pictures}
    kept = tuple(p for p in before.pictures if p.name not in fresh)
    shapes = tuple(shape for shape in before.shapes if shape.picture not in fresh)
    if not kept:
        return new

    def bare(thing: Picture | Shape) -> dict[str, object]:
        return {k: v for k, v in thing.extra.items() if k != "id"}

    return Annotations(
        new.source,
        (*kept, *(replace(p, extra=bare(p)) for p in new.pictures)),
        tuple(dict.fromkeys((*before.labels, *new.labels))),
        (*shapes, *(replace(s, extra=bare(s)) for s in new.shapes)),
        {**before.extra, **{k: v for k, v in new.extra.items() if k not in ("categories", "cvat")}},
        new.remarks,
    )
