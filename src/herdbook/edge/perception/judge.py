"""Behaviour of a finished track: the head's logits over its steps, or the mean of what single frames said."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.camera import Camera
from herdbook.edge.perception.base import Judgement, Track
from herdbook.edge.perception.graph import Graphs
from herdbook.edge.perception.network import BehaviourNetwork, NetworkFile
from herdbook.edge.perception.places import places_of
from herdbook.edge.perception.steps import TrackletSteps
from herdbook.errors import ConfigurationError
from herdnet.behaviour_features import feature_names

Floats = NDArray[np.float64]

POSTURE_S = 2.0
"""Time over which single frames are averaged where there is no head."""
_STEP_S = 0.5
_LONGEST = 4096
"""Steps that are judged at once."""
_MARGIN = 128
"""Steps of the neighbouring part that are judged along: more than the head's reach."""


class Judge(Protocol):
    """Tells behaviour from steps."""

    behaviours: tuple[str, ...]
    step_s: float
    dimensions: int
    bonus: Floats
    """What is added to each behaviour's log-probability where the likeliest is chosen."""

    def probabilities(self, seen: TrackletSteps) -> Floats:
        """[T, C], rows sum to 1."""


def make_judge(folder: Path, network: NetworkFile, graphs: Graphs) -> Judge:
    """The judge of a release folder.

    Raises:
        ConfigurationError: its features are not those that this version makes, or its graph is another.
    """
    if network.behaviour is None:
        return PostureJudge(network.postures)
    return HeadJudge(folder, network.behaviour, network.postures, graphs)


class PostureJudge:
    """Means of what single frames say."""

    dimensions = 0
    step_s = _STEP_S

    def __init__(self, postures: tuple[str, ...]) -> None:
        if not postures:
            raise ConfigurationError("a release without behaviour head needs a student that judges single frames")
        self.behaviours = postures
        self.bonus = np.zeros(len(postures))

    def probabilities(self, seen: TrackletSteps) -> Floats:
        """Centred means over `POSTURE_S`; a step without detection takes those around it."""
        known = np.where(seen.present[:, None], seen.steps.postures, 0.0)
        half = round(POSTURE_S / self.step_s / 2)
        window = np.ones(2 * half + 1)
        summed = np.stack([np.convolve(c, window)[half : half + len(known)] for c in (known + 1e-6).T], axis=1)
        return np.asarray(summed / summed.sum(axis=1, keepdims=True))


class HeadJudge:
    """`herdnet.behaviour.BehaviourHead` as an ONNX graph."""

    def __init__(self, folder: Path, told: BehaviourNetwork, postures: tuple[str, ...], graphs: Graphs) -> None:
        self._places = tuple(place.value for place in told.places)
        if told.features != feature_names(postures, self._places):
            raise ConfigurationError(
                f"{folder / told.file} was trained on other features than this version makes",
                "Train and export the release with this version of Herdbook.",
            )
        self.behaviours, self.step_s, self.dimensions = told.behaviours, told.step_s, told.dimensions
        self._prior = np.log(np.asarray(told.prior))
        self._temperature = told.temperature
        self.bonus = -told.fairness * self._prior
        inputs: dict[str, tuple[int | None, ...]] = {
            "features": (1, None, len(told.features)),
            "present": (1, None),
        }
        if told.dimensions:
            inputs["embeddings"] = (1, None, told.dimensions)
        outputs = {"logits": (1, None, len(told.behaviours))}
        self._graph = graphs.open("behaviour", folder / told.file, inputs, outputs)
        self._length = self._graph.lengths["features"][1]

    def probabilities(self, seen: TrackletSteps) -> Floats:
        """Calibrated, with behaviours as frequent as they were in training."""
        inputs = {"features": seen.features(self._places)[None], "present": seen.present[None]}
        if self.dimensions:
            assert seen.embeddings is not None
            inputs["embeddings"] = seen.embeddings[None]
        logits = (self._logits(inputs) + self._prior) / self._temperature
        likely = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(likely / likely.sum(axis=1, keepdims=True))

    def _logits(self, inputs: dict[str, NDArray[np.generic]]) -> Floats:
        """[T, C]. Long tracks are judged in parts that overlap by more than the head sees; short ones are padded to a
        graph of fixed length."""
        count = inputs["present"].shape[1]
        length = self._length or max(2, min(count, _LONGEST))
        margin = min(_MARGIN, length // 4)
        logits = np.zeros((count, len(self.behaviours)))
        done = 0
        while done < count:
            first = max(0, min(done - margin, count - length)) if done else 0
            part = {name: _padded(values[:, first : first + length], length) for name, values in inputs.items()}
            found = self._graph.run(**part)["logits"][0]
            last = count if first + length >= count else first + length - margin
            logits[done:last] = found[done - first : last - first]
            done = last
        return logits


def _padded(values: NDArray[np.generic], length: int) -> NDArray[np.generic]:
    short = length - values.shape[1]
    return np.pad(values, [(0, 0), (0, short)] + [(0, 0)] * (values.ndim - 2)) if short > 0 else values


def judgement(track: Track, seen: TrackletSteps | None, judge: Judge, camera: Camera) -> Judgement:
    """What a judge says of the steps of a track, which may be shorter or longer than its own."""
    count = len(judge.behaviours)
    if seen is None:
        probability = np.full((len(track.seconds), count), 1 / count)
    else:
        lag = (track.started_at - seen.started_at) / timedelta(seconds=1)
        step = np.floor((lag + track.seconds + track.step_s / 2) / judge.step_s + 1e-6).astype(int)
        probability = judge.probabilities(seen)[np.clip(step, 0, len(seen.present) - 1)]
    return Judgement(judge.behaviours, probability, places_of(track, camera).names, judge.bonus)
