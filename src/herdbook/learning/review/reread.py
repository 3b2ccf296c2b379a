"""One device day: the frames that the device was unsure of, read again by the teacher, and where the two disagree.

The device's own boxes say of which frames it was unsure: no frame is decoded to learn that. The teacher reads the most
doubtful ones, as many as the plan pays for, and some others beside; there the student looks again too, and frames on
which outlines differ enter the review queue. What the teacher saw is kept in
``<home>/registry/reread/<device>/<day>/<teacher>.parquet``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from herdbook.contracts.durable import disk_full_is_said, make_folder, replace_durably
from herdbook.contracts.ethogram import load_ethogram
from herdbook.errors import VideoSourceError
from herdbook.learning.archive import ArchivedClip, ArchivedDay
from herdbook.learning.datasets.video import Index, index_frames, read_frames, spaced
from herdbook.learning.evaluation.predictions import Engine
from herdbook.learning.formats.rle import Rle
from herdbook.learning.pixels import Image
from herdbook.learning.review.disagree import Mask, difference
from herdbook.learning.review.finders import Finder, Sight, StudentEyes, boxed
from herdbook.learning.review.frames import ReviewFrames, outlined
from herdbook.learning.review.plan import ReviewPlan
from herdbook.learning.review.unsure import DayBoxes, Doubt, doubts, most_doubtful
from herdbook.ledger.models import Reread, ReviewReason, ReviewState
from herdbook.ledger.reviews import raise_item
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""

READ = pa.schema(
    [
        pa.field("clip", pa.string(), nullable=False),
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("doubt", pa.float32()),  # null where the device was sure
        pa.field("mask", pa.list_(pa.int32())),  # COCO run lengths; null where the teacher saw nothing
        pa.field("height", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
    ]
)


@dataclass
class _Look:
    """What is known of the day before any frame is decoded."""

    indices: dict[str, Index] = field(default_factory=dict)
    frames: int = 0
    unsure: list[Doubt] = field(default_factory=list)
    wanted: dict[str, dict[int, float | None]] = field(default_factory=lambda: defaultdict(dict))
    """Frames to read by clip, each with its doubt."""


def reread_day(
    settings: Settings,
    day: ArchivedDay,
    student: Engine,
    teacher: Finder,
    plan: ReviewPlan | None = None,
    *,
    again: bool = False,
    progress: Progress = lambda *_: None,
) -> Reread:
    """Read a day's doubtful frames again, unless that was done with the same student and teacher.

    Args:
        settings: where the ledger is, and where frames are kept.
        day: what of it is here.
        student: the release whose outlines are held against the teacher's.
        teacher: finds all animals of a frame.
        plan: how much, and what counts.
        again: though it was done.
        progress: told the frames that are read.

    Raises:
        ConfigurationError: the student's engine cannot be made.
        DiskFullError: no space is left; what was queued stays, and the day is done anew the next time.
    """
    plan = plan or ReviewPlan()
    known = None if again else reread_before(settings, day, student, teacher)
    if known is not None:
        return known
    look = _look(day, plan)
    done = _Reading(settings, day, student, teacher, plan)
    total = sum(len(frames) for frames in look.wanted.values())
    for number, _ in enumerate(done.read(look), start=1):
        progress(f"{day.device_id} {day.day}", number, total)
    _keep(settings, day, teacher.name, done.rows)
    result = Reread(
        device_id=day.device_id,
        day=day.day,
        student_sha256=student.digest,
        teacher=teacher.name,
        student=student.release.release_id,
        clips=len(look.indices),
        frames=look.frames,
        unsure=len(look.unsure),
        reread=done.doubtful,
        compared=done.compared,
        queued=done.queued,
    )
    with ledger_session(settings) as session:
        return session.merge(result)


def reread_before(settings: Settings, day: ArchivedDay, student: Engine, teacher: Finder) -> Reread | None:
    """What came of reading a day with this student and teacher, if that was done."""
    with ledger_session(settings) as session:
        return session.get(Reread, (day.device_id, day.day, student.digest, teacher.name))


def _look(day: ArchivedDay, plan: ReviewPlan) -> _Look:
    """Index the clips and find the frames of doubt. Clips that do not decode, or of which the device wrote no boxes,
    say nothing."""
    look = _Look()
    boxes = DayBoxes()
    seconds: dict[tuple[str, int], float] = {}
    for clip in day.clips:
        try:
            index = index_frames(clip.path)
        except VideoSourceError:
            continue
        found = doubts(boxes.of_clip(clip), clip.name, index.stamps, plan)
        if found is None:
            continue
        look.indices[clip.name] = index
        look.frames += len(index.stamps)
        look.unsure += found
        seconds |= {(clip.name, one.frame): _second(index, one.frame) for one in found}
        if plan.every_s is not None:
            look.wanted[clip.name] |= dict.fromkeys(spaced(index, plan.every_s))
    for one in most_doubtful(look.unsure, seconds, plan):
        look.wanted[one.clip][one.frame] = one.doubt
    return look


def _second(index: Index, frame: int) -> float:
    return (index.stamps[frame] - next(iter(index.stamps.values()))) * index.second


class _Reading:
    """A day's frames before both sides."""

    def __init__(
        self, settings: Settings, day: ArchivedDay, student: Engine, teacher: Finder, plan: ReviewPlan
    ) -> None:
        self._settings, self._day, self._student, self._teacher, self._plan = settings, day, student, teacher, plan
        self._kept = ReviewFrames(settings, day.farm_id)
        self._species = load_ethogram(student.release.ethogram_id).species
        self.rows: list[dict[str, Any]] = []
        self.doubtful = self.compared = self.queued = 0

    def read(self, look: _Look) -> Iterator[None]:
        """Camera by camera, in the order of time; yields after each frame."""
        by_camera: dict[str, list[ArchivedClip]] = defaultdict(list)
        for clip in self._day.clips:
            if look.wanted.get(clip.name):
                by_camera[clip.camera_id].append(clip)
        for camera in self._day.cameras:
            clips = by_camera.get(camera.camera_id)
            if not clips:
                continue
            config = self._student.configure(self._day.config({camera.camera_id: clips[0].path.parent}))
            eyes = StudentEyes(config, camera, [clip.path for clip in clips])
            for clip in clips:
                index, wanted = look.indices[clip.name], look.wanted[clip.name]
                for frame, image in read_frames(clip.path, index, wanted):
                    at = clip.started_at + timedelta(seconds=_second(index, frame))
                    sight = eyes.look(at, image)
                    masks = self._teacher.find(image)
                    self._note(clip, frame, wanted[frame], masks, image)
                    self._compare(clip, frame, image, sight, masks)
                    yield
            eyes.close()

    def _note(self, clip: ArchivedClip, frame: int, doubt: float | None, masks: list[Mask], image: Image) -> None:
        self.compared += 1
        self.doubtful += doubt is not None
        row = {"clip": clip.name, "frame": frame, "doubt": doubt, "height": image.shape[0], "width": image.shape[1]}
        self.rows += [row | {"mask": list(Rle.encode(mask).counts)} for mask in masks] or [row | {"mask": None}]

    def _compare(self, clip: ArchivedClip, frame: int, image: Image, student: Sight, teacher: list[Mask]) -> None:
        theirs = [boxed(mask) for mask in teacher] if student.boxes_only else teacher
        found = difference(student.masks, theirs)
        if found.score <= self._plan.iou_gap:
            return
        animals = found.above(self._plan.iou_gap)
        with ledger_session(self._settings) as session:
            item, new = raise_item(
                session,
                (self._day.device_id, self._day.day, clip.name, frame),
                ReviewReason.OUTLINES,
                site=self._day.farm_id,
                score=found.score,
                student=self._student.release.release_id,
                teacher=self._teacher.name,
                detail=f"{animals} of {len(found.gaps)} animals differ, {found.alone} seen by one side only",
            )
        if item.state is ReviewState.OPEN:  # what was decided was decided about these very outlines
            size = (image.shape[1], image.shape[0])
            self._kept.write_picture(item, image)
            self._kept.write_side(item, "student", size, outlined(item, student.masks, self._species))
            self._kept.write_side(item, "teacher", size, outlined(item, teacher, self._species))
        self.queued += new


def _keep(settings: Settings, day: ArchivedDay, teacher: str, rows: list[dict[str, Any]]) -> None:
    folder = settings.registry / "reread" / day.device_id / day.day.isoformat()
    target = make_folder(folder) / f"{teacher}.parquet"
    part = Path(f"{target}.part")
    with disk_full_is_said(folder):
        pq.write_table(pa.Table.from_pylist(rows, schema=READ), part, compression="zstd")
        replace_durably(part, target)
