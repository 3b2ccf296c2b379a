"""Run an engine over every scene of a folder and judge it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from herdbook.contracts.durable import make_folder
from herdbook.contracts.ethogram import load_ethogram
from herdbook.learning.evaluation.annotated import Annotated, annotate
from herdbook.learning.evaluation.failures import draw, worst_frame
from herdbook.learning.evaluation.predictions import Engine, Prediction, predict
from herdbook.learning.evaluation.reid import answer_queries
from herdbook.learning.evaluation.report import Failure, Footprint, Judged, Protocol, Report, make_report, write_report
from herdbook.learning.evaluation.scenes import Scene, Truth
from herdbook.learning.evaluation.tally import tally

REPORT = "evaluation.json"
PICTURES = 12

Progress = Callable[[int, int], None]
"""Told how many scenes are done, of how many."""


def evaluate(
    scenes: Sequence[Scene],
    engine: Engine,
    out: Path,
    *,
    data: str,
    cache: Path,
    iou: float = 0.5,
    long_s: float = 300.0,
    parameters: int | None = None,
    footprints: Sequence[Footprint] = (),
    pictures: int = PICTURES,
    progress: Progress = lambda done, total: None,
) -> Report:
    """Judge an engine and write ``OUT/evaluation.json`` with pictures of its worst frames beside.

    Interrupted, the same call goes on: scenes that were recorded are in the cache.

    Args:
        scenes: at least one, with distinct ids.
        engine: what is judged.
        out: folder of the report, made where it is missing.
        data: what the scenes are called.
        cache: folder of predictions, shared by all evaluations.
        iou: least overlap of a match.
        long_s: sequences of at least so many seconds judge lasting identity.
        parameters, footprints: of the model, measured elsewhere.
        pictures: how many worst frames are drawn, one per sequence at most.
        progress: called after each scene.

    Raises:
        UnknownClassError: the truth has a behaviour that no ethogram here knows.
        DiskFullError: no space is left; what was recorded stays.
    """
    protocol = Protocol(iou=iou, long_s=long_s, classes=_classes(scenes, engine))
    judge = _Judge(engine, protocol, cache)
    sequences, tallies, moments, failures = [], [], [], []
    frames, seconds = 0, 0.0
    for done, scene in enumerate(scenes, start=1):
        look = judge.look(scene)
        sequence = scene.sequence(look.truth)
        long = sequence.seconds >= long_s
        sequences.append(sequence)
        tallies.append(tally(look.true, look.said, classes=len(protocol.classes), iou=iou, long=long))
        moments.append(look.prediction.moments(look.truth.tracks, scene.camera.fps, iou))
        failures.append(worst_frame(scene.sequence_id, look.truth.tracks, look.said.tracks, iou))
        frames, seconds = frames + look.prediction.frames, seconds + look.prediction.seconds
        progress(done, len(scenes))
    answers = answer_queries(sequences, moments)
    make_folder(out)
    worst = sorted((f for f in failures if f is not None), key=lambda f: -f.misses - f.false_positives)[:pictures]
    by_id = {scene.sequence_id: scene for scene in scenes}
    report = make_report(
        datetime.now(UTC),
        Judged(
            release=engine.release,
            digest=engine.digest,
            parameters=parameters,
            footprints=tuple(footprints),
            frames_per_second=frames / seconds if frames else None,
        ),
        data=data,
        protocol=protocol,
        sequences=sequences,
        tallies=[sums | found for sums, found in zip(tallies, answers, strict=True)],
        failures=[judge.draw(failure, by_id[failure.sequence_id], out) for failure in worst],
    )
    write_report(out / REPORT, report)
    return report


@dataclass(frozen=True)
class _Look:
    """One scene with what is true of it and what the engine says."""

    prediction: Prediction
    truth: Truth
    true: Annotated
    said: Annotated


@dataclass(frozen=True)
class _Judge:
    engine: Engine
    protocol: Protocol
    cache: Path

    def look(self, scene: Scene) -> _Look:
        prediction, truth = predict(scene, self.engine, self.cache), scene.read_truth()
        fps, classes = scene.camera.fps, self.protocol.classes
        said = annotate(prediction.tracks(), fps, prediction.spells(), classes)
        return _Look(prediction, truth, truth.annotated(fps, classes), said)

    def draw(self, failure: Failure, scene: Scene, out: Path) -> Failure:
        look = self.look(scene)
        name = f"failure-{hashlib.sha256(scene.sequence_id.encode()).hexdigest()[:12]}-{failure.frame}.png"
        draw(
            out / name,
            scene.clip,
            failure.frame,
            truth=look.true,
            predicted=look.said,
            classes=self.protocol.classes,
        )
        return failure.model_copy(update={"picture": name})


def _classes(scenes: Sequence[Scene], engine: Engine) -> tuple[str, ...]:
    """Behaviours of every ethogram involved, those of the engine's own first."""
    names = list(load_ethogram(engine.release.ethogram_id).names)
    for scene in scenes:
        names += scene.behaviours
    return tuple(dict.fromkeys(names))
