"""The arm ``transplant`` of stage ``distil``: the teacher's features by a linear map from a trunk that nobody trained.

`herdnet.compact_transplant` puts the map in the pyramid's place before the first step; only the heads learn, from
whatever losses the parameters leave (docs/adr/0148).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from herdbook.errors import InputError
from herdbook.learning.targets.compute import read_index
from herdbook.learning.targets.store import TargetStore
from herdbook.learning.training.batches import in_order
from herdbook.learning.training.distil import DistilTask
from herdbook.learning.training.frames import Frames
from herdbook.learning.training.loop import Task, Trained
from herdbook.learning.training.schedule import Schedule
from herdbook.learning.training.stage import Stage
from herdnet.compact_transplant import transplant

AT_ONCE = 16
AT_MOST = 800
"""Frames that the map is fitted to, evenly over the side: each has hundreds of cells."""


@dataclass(frozen=True, kw_only=True)
class TransplantStage(Stage):
    """Stage ``distil``, whose student gets the teacher's features before it learns."""

    store: TargetStore
    targets: Path
    """Index of the teacher's targets."""

    def learn(self, task: Task, schedule: Schedule, recipe: str, what: str = "") -> Trained:
        """As any stage; gone on with, the map is fitted again, to the same frames, and then read from the checkpoint.

        Raises:
            InputError: targets are not of these frames.
        """
        assert isinstance(task, DistilTask)
        transplant(task.module.student, self._batches(task.sampler.frames))
        return super().learn(task, schedule, recipe, what)

    def _batches(self, frames: Frames) -> Iterator[tuple[Tensor, Tensor]]:
        recipe, known = read_index(self.targets)
        rows = np.arange(0, len(frames), max(1, len(frames) // AT_MOST))
        if missing := {frames.ids[row] for row in rows} - set(known):
            raise InputError(
                f"{self.targets} lacks {len(missing)} of the frames that are learned from",
                "Compute the targets of this dataset: `herdbook learn targets`.",
            )
        for begin in range(0, len(rows), AT_ONCE):
            some = rows[begin : begin + AT_ONCE]
            said = np.stack([self.store.get(recipe, frames.ids[row]) for row in some])
            self.progress("fitting the teacher's features", begin, len(rows))
            yield in_order(frames, some).images, torch.from_numpy(said.astype(np.float32))
