"""Which archived clips a bridge stands on: spread over cameras, days and hours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from herdbook.contracts.farmtime import zone
from herdbook.learning.archive import ArchivedClip, ArchivedDay
from herdbook.learning.evaluation.scenes import Scene, Truth
from herdbook.learning.evaluation.sequences import Sequence as Told


@dataclass(frozen=True)
class BridgeClip:
    """A clip and the device day that it is of."""

    day: ArchivedDay
    clip: ArchivedClip

    @property
    def cluster(self) -> str:
        """Camera and day: clips of one show the same animals in the same light."""
        return f"{self.clip.camera_id}/{self.day.day}"

    def scene(self) -> Scene:
        """As the recorder is shown it."""
        config = self.day.config({self.clip.camera_id: self.clip.path})
        return Scene(
            sequence_id=f"{self.cluster}/{self.clip.name}",
            clip=self.clip.path,
            start=self.clip.started_at,
            day=self.day.day,
            config=config,
            ethogram_id=config.release.ethogram_id,
            read_truth=_no_truth,
        )

    def sequence(self) -> Told:
        """As intervals are drawn: cameras stand for pens, and all clips of a camera's day are one sequence."""
        return Told(
            sequence_id=self.cluster,
            farm=self.day.farm_id,
            pen=self.clip.camera_id,
            camera=self.clip.camera_id,
            day=self.day.day,
            seconds=max(self.clip.seconds, 1e-3),
            truth_sha256=self.clip.sha256,
        )


def choose(days: Sequence[ArchivedDay], count: int) -> list[BridgeClip]:
    """Some of the archive's clips, the same for the same archive: each next one from the camera that has fewest yet, at
    the day and then the farm-local hour that it has fewest of, and of those the newest. Ordered by camera and time.
    """
    known = {(day.device_id, camera.camera_id) for day in days for camera in day.cameras}
    left = [BridgeClip(day, clip) for day in days for clip in day.clips if (day.device_id, clip.camera_id) in known]
    left.sort(key=lambda one: (one.clip.started_at, one.clip.camera_id), reverse=True)
    seen: Counter[tuple[object, ...]] = Counter()
    chosen: list[BridgeClip] = []
    while left and len(chosen) < count:
        best = min(left, key=lambda one: [seen[place] for place in _places(one)])
        left.remove(best)
        seen.update(_places(best))
        chosen.append(best)
    return sorted(chosen, key=lambda one: (one.clip.camera_id, one.clip.started_at))


def _places(one: BridgeClip) -> list[tuple[object, ...]]:
    camera = one.clip.camera_id
    hour = one.clip.started_at.astimezone(zone(one.day.timezone)).hour
    return [(camera,), (camera, one.day.day), (camera, "hour", hour)]


def _no_truth() -> Truth:
    raise AssertionError("nobody has said what is true of archived footage")
