"""Where an animal looks more like another than like the one that its track is claimed to be.

An embedding is held against the references of every animal of its own space that was enrolled; what all references
share is taken away, as in matching. Of each track the moment that speaks loudest against its claim enters the queue.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from herdbook.contracts.ethogram import load_ethogram
from herdbook.contracts.records import BOXES_SCHEMA
from herdbook.identity.looks import read_references
from herdbook.lake.attach import open_lake
from herdbook.learning.archive import ArchivedDay
from herdbook.learning.datasets.video import index_frames, read_frames
from herdbook.learning.formats.annotations import ANIMAL, Shape
from herdbook.learning.formats.checks import clipped
from herdbook.learning.pixels import Image
from herdbook.learning.review.frames import ReviewFrames, name_of
from herdbook.learning.review.plan import ReviewPlan
from herdbook.learning.review.unsure import DayBoxes
from herdbook.ledger.models import ReviewItem, ReviewReason, ReviewState
from herdbook.ledger.reviews import raise_item
from herdbook.ledger.session import ledger_session
from herdbook.matching.evidence import CENTRED_FROM, References
from herdbook.matching.exclusion import Floats
from herdbook.settings import Settings

_LOOKS = """
SELECT e.tracklet_id, e.seen_at, e.clip, e.space_id, e.release_id, e.vector, e.scale, i.animal_id
FROM embedding AS e JOIN identity AS i USING (load_id, tracklet_id)
WHERE e.load_id = ? AND i.identified AND e.clip IS NOT NULL
ORDER BY e.tracklet_id, e.seen_at, e.space_id
"""
_ETHOGRAM = "SELECT ethogram_id FROM record.model_release WHERE load_id = ? ORDER BY release_id"


@dataclass(frozen=True)
class Doubted:
    """A moment at which a track looks like another animal."""

    tracklet_id: str
    at: datetime
    clip: str
    release_id: str
    space_id: str
    claimed: str
    nearest: str
    margin: float
    """Cosine to the nearest less cosine to the claimed, above 0."""


def doubted_tracks(settings: Settings, load_id: str, plan: ReviewPlan) -> tuple[list[Doubted], dict[str, str]]:
    """The worst moment of each track that looks like another animal, worst first; and every identified track's animal.

    Raises:
        NotInitialisedError: there is no lake.
    """
    with open_lake(settings, read_only=True) as lake:
        rows = lake.execute(_LOOKS, [load_id]).fetchall()
        animals = [row[0] for row in lake.execute("SELECT DISTINCT animal_id FROM enrolment ORDER BY ALL").fetchall()]
        pools = {references.space_id: _centred(references) for references in read_references(lake, animals)}
    worst: dict[str, Doubted] = {}
    for tracklet, at, clip, space, release, vector, scale, claimed in rows:
        if space not in pools or claimed not in animals:
            continue
        shared, references = pools[space]
        look = np.array(vector, dtype=float) * scale - shared
        cosines = references.mean @ (look / max(float(np.linalg.norm(look)), 1e-9))
        best = {animals[a]: float(cosines[references.animals == a].max()) for a in np.unique(references.animals)}
        nearest = max(best, key=lambda animal: best[animal])
        if claimed not in best or nearest == claimed:
            continue
        margin = best[nearest] - best[claimed]
        if margin > plan.margin and (tracklet not in worst or margin > worst[tracklet].margin):
            worst[tracklet] = Doubted(tracklet, at, clip, release, space, claimed, nearest, margin)
    claims = {row[0]: row[-1] for row in rows}
    return sorted(worst.values(), key=lambda d: (-d.margin, d.tracklet_id)), claims


def queue_identities(settings: Settings, day: ArchivedDay, plan: ReviewPlan) -> int:
    """Bring a day's doubted tracks into the review queue, as far as their footage and boxes are here.

    Returns:
        How many are new.
    """
    doubted, claims = doubted_tracks(settings, day.load_id, plan)
    by_clip: dict[str, list[Doubted]] = defaultdict(list)
    for one in doubted:
        by_clip[one.clip].append(one)
    if not by_clip:
        return 0
    queue, boxes = _Queue(settings, day, claims), DayBoxes()
    for clip in day.clips:
        mine = boxes.of_clip(clip) if clip.name in by_clip else BOXES_SCHEMA.empty_table()
        frames: dict[int, list[Doubted]] = defaultdict(list)
        for one in by_clip.get(clip.name, ()):
            for frame in _frame_of(mine, one):
                frames[frame].append(one)
        for frame, image in read_frames(clip.path, index_frames(clip.path), frames) if frames else ():
            for one in frames[frame]:
                queue.add(one, frame, image, mine)
    return queue.new


class _Queue:
    """Puts doubted tracks of one day into the queue, with the boxes of all that the device saw in the frame."""

    def __init__(self, settings: Settings, day: ArchivedDay, claims: dict[str, str]) -> None:
        self._settings, self._day, self._claims = settings, day, claims
        self._kept = ReviewFrames(settings, day.farm_id)
        with open_lake(settings, read_only=True) as lake:
            (ethogram,) = lake.execute(_ETHOGRAM, [day.load_id]).fetchone() or ("pig-9",)
        self._species = load_ethogram(ethogram).species
        self.new = 0

    def add(self, one: Doubted, frame: int, image: Image, boxes: pa.Table) -> None:
        """Queue one moment; `boxes` are the clip's."""
        seen = boxes.filter(pc.equal(boxes["frame"], frame)).to_pylist()
        with ledger_session(self._settings) as session:
            item, new = raise_item(
                session,
                (self._day.device_id, self._day.day, one.clip, frame),
                ReviewReason.IDENTITY,
                one.tracklet_id,
                site=self._day.farm_id,
                score=min(one.margin, 1.0),
                student=one.release_id,
                teacher=one.space_id,
                detail=f"claimed to be {one.claimed}, looks like {one.nearest} (cosine {one.margin:.2f} higher)",
            )
        if item.state is ReviewState.OPEN:
            size = (image.shape[1], image.shape[0])
            self._kept.write_picture(item, image)
            for side, animals in (("track", {}), ("embedding", {one.tracklet_id: one.nearest})):
                self._kept.write_side(item, side, size, self._drawn(item, size, seen, self._claims | animals))
        self.new += new

    def _drawn(
        self, item: ReviewItem, size: tuple[int, int], seen: list[dict[str, Any]], animals: dict[str, str]
    ) -> list[Shape]:
        """Every box of the frame, with the animals' names."""
        drawn = []
        for row in seen:
            box, _ = clipped((row["x"], row["y"], row["width"], row["height"]), *size)
            said = {ANIMAL: animals[row["tracklet_id"]]} if row["tracklet_id"] in animals else {}
            if min(box[2:]) > 0:
                drawn.append(Shape(name_of(item), self._species, box, attributes=said))
        return drawn


def _centred(references: References) -> tuple[Floats, References]:
    """What the references share, and what is their own."""
    if len(references.mean) < CENTRED_FROM:
        return np.zeros(references.mean.shape[1]), references
    shared = references.mean.mean(axis=0)
    own = references.mean - shared
    own = own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-9)
    return shared, References(references.space_id, references.animals, own)


def _frame_of(boxes: pa.Table, one: Doubted) -> list[int]:
    """The frame in which the device saw the tracklet at that moment: one, or none where it kept no box."""
    mine = boxes.filter(pc.equal(boxes["tracklet_id"], one.tracklet_id))
    if not mine.num_rows:
        return []
    off = np.abs(mine["at"].cast(pa.int64()).to_numpy() - int(one.at.timestamp() * 1e6))
    return [int(mine["frame"][int(off.argmin())].as_py())]
