"""Build a dataset: look at the footage, split it, choose, and freeze what was chosen.

::

    DATASET/dataset.json          plan, sources, counts, what was left out and why; written last
    DATASET/frames.parquet        `tables.FRAMES`: one row per frame
    DATASET/labels.parquet        `tables.LABELS`: one row per animal or person drawn on one
    DATASET/clips.parquet         `tables.CLIPS`: every clip that was looked at, with its side
    DATASET/frames/<aa>/<frame_id>.png                 pixels, lossless, people blanked if asked
    DATASET/clips/<device>/<day>/<clip>                with ``keep_clips``: footage
    DATASET/sequences.parquet                          and the labels of all its frames
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from herdbook.contracts.durable import disk_full_is_said, make_folder, replace_durably
from herdbook.contracts.ethogram import load_ethogram
from herdbook.errors import ConfigurationError, EmptyDatasetError, VideoSourceError
from herdbook.learning.datasets.candidates import Candidate, Disagreement, candidates_of
from herdbook.learning.datasets.choose import choose
from herdbook.learning.datasets.clips import Clip
from herdbook.learning.datasets.crowding import DeviceBoxes
from herdbook.learning.datasets.freeze import Freezer, freeze_clips
from herdbook.learning.datasets.labels import LabelSource, first_of
from herdbook.learning.datasets.manifest import DatasetManifest, Sources, read_manifest, write_manifest
from herdbook.learning.datasets.plan import DatasetPlan
from herdbook.learning.datasets.split import hold_out

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many of it are done, of how many."""


@dataclass
class Inputs:
    """What a dataset is built from, beside its plan."""

    clips: Sequence[Clip]
    labels: Sequence[LabelSource] = ()
    """In the order of their authority."""
    people: Sequence[LabelSource] = ()
    """Who looked for people, beside those who labelled animals."""
    disagreement: Disagreement = field(default_factory=dict)
    sources: Sources = field(default_factory=Sources)


@dataclass
class _Looked:
    """What looking at the footage found."""

    candidates: list[Candidate] = field(default_factory=list)
    labels: list[LabelSource] = field(default_factory=list)
    """Of each clip."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Frames or clips by reason."""

    def leave(self, reason: str, count: int = 1) -> None:
        if count:
            self.left_out[reason] = self.left_out.get(reason, 0) + count


def build_dataset(
    plan: DatasetPlan, inputs: Inputs, out: Path, progress: Progress = lambda *_: None
) -> DatasetManifest:
    """Build a dataset in a new folder. Interrupted, nothing is there but a hidden folder that the next call replaces.

    Raises:
        EmptyDatasetError: nothing is there to choose from, or nothing remains.
        SplitImpossibleError: no split keeps animals and days apart.
        UnknownClassError, BoxOutsideFrameError: a label cannot be.
        ConfigurationError: the folder holds something else already, or a farm that is held out has no footage.
        DiskFullError: no space is left.
    """
    there = _already(plan, inputs, out)
    if there is not None:
        return there
    load_ethogram(plan.ethogram)
    if not inputs.clips:
        raise EmptyDatasetError("there is no footage to choose from", "Ingest days with footage, or name a farm.")
    looked = _look(plan, inputs, progress)
    if not looked.candidates:
        raise EmptyDatasetError(f"no frame is left to choose from: {_said(looked.left_out)}")
    weights = [0] * len(inputs.clips)
    for candidate in looked.candidates:
        weights[candidate.clip] += 1
    sides = hold_out(inputs.clips, weights, plan.shares, plan.crossing, plan.held_out)
    looked.leave("frames that link sides of the split", sum(sides[c.clip] is None for c in looked.candidates))
    chosen = choose(inputs.clips, sides, looked.candidates, plan)
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    make_folder(part)
    with disk_full_is_said(out):
        freezer = Freezer(part, plan, inputs.clips, sides=sides, labels=looked.labels, people=inputs.people)
        freezer.add(chosen, lambda done: progress("storing frames", done, len(chosen)))
        looked.leave("frames over the quota of bytes", freezer.over_quota)
        looked.leave("frames whose pixels are there already", freezer.repeated)
        kept = freeze_clips(part, inputs.clips, sides, looked.labels, plan)
        rows = freezer.finish(kept)
        if not rows:
            raise EmptyDatasetError(f"not one frame fits the quota of {plan.bytes:,} bytes", "Raise the quota.")
        manifest = write_manifest(part, plan, inputs.sources, rows, looked.left_out)
        if out.exists():
            out.rmdir()
        replace_durably(part, out)
    return manifest


def _already(plan: DatasetPlan, inputs: Inputs, out: Path) -> DatasetManifest | None:
    """The dataset that is there, if it is the one asked for."""
    if not out.exists() or not any(out.iterdir()):
        return None
    there = read_manifest(out)
    if (there.plan, there.sources) != (plan, inputs.sources):
        raise ConfigurationError(f"{out} holds another dataset", "Name another folder, or remove this one.")
    return there


def _look(plan: DatasetPlan, inputs: Inputs, progress: Progress) -> _Looked:
    looked, boxes = _Looked(), DeviceBoxes()
    for number, clip in enumerate(inputs.clips):
        progress("looking at clips", number, len(inputs.clips))
        source = first_of(inputs.labels, clip)
        looked.labels.append(source)
        labels = source.of_clip(clip, masks=False)
        known = inputs.disagreement.get((clip.device_id, clip.day.isoformat(), clip.name), {})
        wanted = tuple(labels or ()) if source.by_people else ()
        try:
            found = candidates_of(number, clip, plan, labels=labels, disagreement=known, boxes=boxes, wanted=wanted)
        except VideoSourceError:
            looked.leave("clips that do not decode")
            continue
        if plan.mask_people:
            examined = {frame for source in inputs.people for frame in source.of_clip(clip, masks=False) or ()}
            examined |= {*(labels or ())}
            looked.leave("frames that nobody examined for people", sum(c.frame not in examined for c in found))
            found = [c for c in found if c.frame in examined]
        looked.candidates += found
    progress("looking at clips", len(inputs.clips), len(inputs.clips))
    return looked


def _said(left_out: Mapping[str, int]) -> str:
    return "; ".join(f"{count} {reason}" for reason, count in left_out.items()) or "the clips hold no frames"
