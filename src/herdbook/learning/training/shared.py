"""What several processes share of a training step: its batches, its gradient, and what normalisation has counted.

A step learns from the same numbered batches however many processes there are. Each takes an equal run of them, and the
step's gradient is the mean over all; so is what each batch did to running means and variances, measured from where the
step began. One process that takes all batches one after the other does the very same, so the number of processes
changes a result by no more than the order in which floating-point numbers are added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from herdbook.errors import ConfigurationError
from herdbook.learning.training.schedule import Schedule

_PATIENCE = timedelta(hours=2)
"""The others wait so long while the first process judges and saves."""


def join(schedule: Schedule) -> Any:
    """Accelerate, joined with the other processes that the environment speaks of.

    Raises:
        ConfigurationError: they cannot share a step's batches equally.
    """
    from accelerate import (  # type: ignore[import-untyped]
        Accelerator,
        DistributedDataParallelKwargs,
        InitProcessGroupKwargs,
    )

    # Without being told so, processes on CPUs do not join. And a teacher has parts that a step does not ask. Before a
    # batch all are given the first process's buffers, which does no harm: they are the same until `Buffers` moves them.
    accelerator = Accelerator(
        cpu=not torch.cuda.is_available(),
        mixed_precision=schedule.precision,
        kwargs_handlers=[
            DistributedDataParallelKwargs(find_unused_parameters=True),
            InitProcessGroupKwargs(timeout=_PATIENCE),
        ],
    )
    if schedule.draws % accelerator.num_processes:
        raise ConfigurationError(
            f"a step learns from {schedule.draws} batches, which {accelerator.num_processes} processes cannot share",
            "Set schedule.batches to a multiple of the number of processes.",
        )
    return accelerator


def my_draws(accelerator: Any, schedule: Schedule, step: int) -> range:
    """The numbers of this process's batches of a step: no other process has one of them."""
    share = schedule.draws // accelerator.num_processes
    first = step * schedule.draws + accelerator.process_index * share
    return range(first, first + share)


class Buffers:
    """What a module counts beside its weights, such as the running means of batch normalisation.

    Args:
        accelerator: as `join` gave it.
        module: on its device.
        draws: batches of a step.
    """

    def __init__(self, accelerator: Any, module: nn.Module, draws: int) -> None:
        self._accelerator, self._module, self._alone = accelerator, module, draws == 1
        self._begun: list[Tensor] = []
        self._moved: Tensor | None = None
        self._batches = 0

    @contextmanager
    def of_one_batch(self) -> Iterator[None]:
        """One batch: it starts from what the step started from, and what it changed is kept for `agree`."""
        if self._alone:
            yield
            return
        buffers = self._buffers()
        if not self._begun:
            self._begun = [buffer.clone() for buffer in buffers]
            self._moved, self._batches = None, 0
        for buffer, begun in zip(buffers, self._begun, strict=True):
            buffer.copy_(begun)
        yield
        pairs = zip(self._buffers(), self._begun, strict=True)
        moves = [(now - begun).flatten().double() for now, begun in pairs if now.is_floating_point()]
        moved = torch.cat(moves) if moves else torch.zeros(0)
        self._moved = moved if self._moved is None else self._moved + moved
        self._batches += 1

    @torch.no_grad()
    def agree(self) -> None:
        """End a step: every process has what it began with, moved by the mean over all batches."""
        if self._alone or self._moved is None:
            return
        mean = self._moved / self._batches
        if self._accelerator.num_processes > 1 and len(mean):
            mean = self._accelerator.reduce(mean, reduction="mean")
        place = 0
        for buffer, begun in zip(self._buffers(), self._begun, strict=True):
            if buffer.is_floating_point():
                part = mean[place : place + buffer.numel()].view_as(buffer)
                buffer.copy_(begun + part.to(buffer.dtype))
                place += buffer.numel()
        self._begun = []

    def _buffers(self) -> list[Tensor]:
        return list(self._module.buffers())


def mean_of(accelerator: Any, found: Sequence[dict[str, Tensor]]) -> dict[str, float]:
    """The mean of each loss over all batches of a step, in every process."""
    names = list(found[0])
    means = torch.stack([torch.stack([losses[name].double() for losses in found]).mean() for name in names])
    if accelerator.num_processes > 1:
        means = accelerator.reduce(means, reduction="mean")
    return dict(zip(names, means.tolist(), strict=True))
