"""Both readings of a bridge's clips, by the recorder; kept until the bridge is in the lake, so that it can go on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from herdbook.edge import video
from herdbook.errors import VideoSourceError
from herdbook.learning.bridge.behaviour import seconds_of
from herdbook.learning.bridge.clips import BridgeClip
from herdbook.learning.bridge.pairs import PER_HOUR, Pairs, pair
from herdbook.learning.evaluation.predictions import Engine, Prediction, predict

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


@dataclass(frozen=True, eq=False)
class BothRead:
    """One clip as the two releases saw it."""

    clip: BridgeClip
    seconds: float
    old: dict[str, float]
    """Seconds by behaviour."""
    new: dict[str, float]
    pairs: Pairs


def read_both(
    clips: Sequence[BridgeClip], old: Engine, new: Engine, cache: Path, progress: Progress = lambda *_: None
) -> list[BothRead]:
    """Read clips one after the other, each by the old release and then by the new, and pair what they saw.

    Args:
        clips: archived footage; what cannot be read is left out.
        old, new: the releases.
        cache: where readings are kept: what was read before is not read again.
        progress: told the seconds of footage that are done, of both releases together.

    Raises:
        ConfigurationError, MissingDependencyError: an engine cannot be made.
        DiskFullError: no space is left.
    """
    engines = [_often(engine) for engine in (old, new)]
    total = 2 * round(sum(one.clip.seconds for one in clips))
    done = 0.0
    found = []
    for one in clips:
        readings: list[Prediction] = []
        for engine in engines:
            progress(f"{one.clip.name} by {engine.release.release_id}", round(done), total)
            done += one.clip.seconds
            try:
                readings.append(predict(one.scene(), engine, cache))
            except VideoSourceError:
                break
        if len(readings) == len(engines) and min(reading.frames for reading in readings):
            header = video.probe(one.clip.path)
            before, after = readings
            spent = seconds_of(before.spells()), seconds_of(after.spells())
            found.append(BothRead(one, header.duration_s, *spent, pair(before, after, header.fps)))
    progress("read", total, total)
    return found


def forget(cache: Path) -> None:
    """Drop the readings."""
    shutil.rmtree(cache, ignore_errors=True)


def _often(engine: Engine) -> Engine:
    """The release, taking embeddings often enough to be paired. It sees and judges as ever."""
    return replace(engine, settings={**engine.settings, "embeddings_per_hour": PER_HOUR})
