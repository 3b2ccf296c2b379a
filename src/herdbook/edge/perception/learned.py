"""What all learned engines share: a finder's sightings followed, remembered in steps, and judged with hindsight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from herdbook.contracts.camera import Camera, ZoneKind
from herdbook.contracts.device_day import ReleaseUse
from herdbook.contracts.ethogram import load_ethogram
from herdbook.edge.perception.base import (
    MIN_TRACKLET_S,
    Image,
    Instance,
    Judgement,
    Mask,
    Seen,
    Track,
    Vector,
    is_blank,
)
from herdbook.edge.perception.follow import Follower
from herdbook.edge.perception.graph import FileGraphs, Graphs
from herdbook.edge.perception.judge import judgement, make_judge
from herdbook.edge.perception.network import NetworkFile
from herdbook.edge.perception.parameters import LearnedParameters
from herdbook.edge.perception.places import inside
from herdbook.edge.perception.sighting import Finder, Sighting
from herdbook.edge.perception.steps import StepMemory, TrackletSteps
from herdbook.errors import ConfigurationError

LOOKS = 5
"""An embedding is the mean of so many of the track's last frames, each by its quality: single frames are noisy."""


class LearnedEngine:
    """See `herdbook.edge.perception.base.Perception`."""

    def __init__(
        self,
        release: ReleaseUse,
        folder: Path,
        network: NetworkFile,
        finder: Finder,
        parameters: LearnedParameters,
        *,
        keep_embeddings: bool = False,
        graphs: Graphs | None = None,
    ) -> None:
        """An engine from a release folder.

        Args:
            keep_embeddings: keep those of every step, also where the head does not want them.
            graphs: where the head is opened; by default the folder's file, in this process.

        Raises:
            ConfigurationError: release and network disagree.
        """
        self.release = release
        self.lost_s, self.min_bout_s = parameters.lost_s, parameters.min_bout_s
        self._finder, self._parameters = finder, parameters
        self._judge = make_judge(folder, network, graphs or FileGraphs(parameters.threads))
        self._keeps = keep_embeddings or self._judge.dimensions > 0
        _check(release, folder, network, self._judge.behaviours)

    @property
    def postures(self) -> tuple[str, ...]:
        """What is judged of every animal in every frame."""
        return self._finder.postures

    def open(self, camera: Camera, background: Image | None, samples: Callable[[], Iterable[Image]]) -> None:
        """Begin with a camera; neither the empty pen nor a look ahead is needed."""
        self._camera = camera
        self._finder.open(camera)
        self._follower = Follower(self.lost_s)
        self._memory = StepMemory(camera, self._judge.step_s, len(self.postures), embeddings=self._keeps)
        self._looks: dict[int, deque[tuple[float, Vector]]] = {}
        self._first: datetime | None = None

    def see(self, at: datetime, image: Image) -> Seen:
        """Find and follow the animals of one frame."""
        if is_blank(image):
            return Seen(trouble="the picture is blank")
        self._first = self._first or at
        found = [s for s in self._finder.find(image) if not self._excluded(s, at)]
        tracks = self._follower.update(found, (at - self._first).total_seconds())
        self._memory.add(at, found, tracks)
        for track in self._follower.take_ended():
            self._looks.pop(track, None)
            self._memory.forget_shorter(track, MIN_TRACKLET_S)
        instances = []
        for key, (sighting, track) in enumerate(zip(found, tracks, strict=True)):
            if track:
                instances.append(self._instance(sighting, track, key))
        return Seen(tuple(instances))

    def embed(self, instance: Instance) -> Vector:
        """How the animal looked in the track's last frames."""
        looks = self._looks[instance.track]
        mean = np.sum([quality * vector for quality, vector in looks], axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)

    def judge(self, track: Track) -> Judgement:
        """Behaviour of a finished track; what was remembered of it is forgotten."""
        until = _end(track)
        seen = self._memory.tracklet(track.track, track.started_at, until)
        self._memory.forget(track.track, until)
        return judgement(track, seen, self._judge, self._camera)

    def steps(self, track: int, since: datetime, until: datetime) -> TrackletSteps | None:
        """What was seen of a track in a span of time, as behaviour is judged from it."""
        return self._memory.tracklet(track, since, until)

    def close(self) -> None:
        """Forget the camera."""
        del self._follower, self._memory, self._looks

    def _instance(self, sighting: Sighting, track: int, key: int) -> Instance:
        box, width, height = sighting.box, self._camera.width, self._camera.height
        cell = max(width / sighting.mask.shape[1], height / sighting.mask.shape[0])
        at_edge = min(box.x, box.y, width - box.x - box.width, height - box.y - box.height) < cell / 2
        quality = sighting.score * (0.5 if sighting.touches else 1.0) * (0.3 if at_edge else 1.0)
        looks = self._looks.setdefault(track, deque(maxlen=LOOKS))
        looks.append((quality, sighting.embedding))
        return Instance(track, box, sighting.shape, sighting.score, quality, _cut(sighting.mask), key)

    def _excluded(self, sighting: Sighting, at: datetime) -> bool:
        middle = np.array([[sighting.shape.x, sighting.shape.y]])
        zones = (z for z in self._camera.zones_at(at) if z.kind is ZoneKind.EXCLUDED)
        return any(bool(inside(middle, zone)[0]) for zone in zones)


def _end(track: Track) -> datetime:
    return track.started_at + timedelta(seconds=float(track.seconds[-1]) + track.step_s)


def _cut(mask: Mask) -> Mask:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _check(release: ReleaseUse, folder: Path, network: NetworkFile, behaviours: tuple[str, ...]) -> None:
    if release.dimensions != network.dimensions:
        raise ConfigurationError(
            f"release '{release.release_id}' says {release.dimensions} dimensions, {folder} has {network.dimensions}",
            "Take `release` from the engine.yaml of that folder.",
        )
    unknown = set(behaviours) - set(load_ethogram(release.ethogram_id).names)
    if unknown:
        raise ConfigurationError(
            f"{folder} tells {', '.join(sorted(unknown))}, which ethogram '{release.ethogram_id}' does not have",
            "Take `release` from the engine.yaml of that folder.",
        )
