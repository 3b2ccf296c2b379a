"""The one training loop: any module with a loss per step, through accelerate, resumable bit for bit.

Everything random in a step comes from the seed and the numbers of its batches, so a run that was killed and resumed
ends with the weights of one that was not (on the same machine and number of processes). Several processes share a
step's batches, none learns from another's, and all hold the same weights: up to rounding those that one process would
come to (`herdbook.learning.training.shared`). The first judges, keeps curves and saves.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from herdbook.errors import ConfigurationError, TrainingError
from herdbook.learning.training.ahead import made_ahead
from herdbook.learning.training.checkpoint import Checkpoints
from herdbook.learning.training.curves import Curves
from herdbook.learning.training.schedule import Schedule
from herdbook.learning.training.shared import Buffers, join, mean_of, my_draws
from herdnet.errors import NonFiniteLossError

Progress = Callable[[int, int], None]


class Task(Protocol):
    """What is learned."""

    @property
    def module(self) -> nn.Module:
        """Called through accelerate, so that several processes agree on gradients."""

    def arguments(self, draw: int) -> tuple[Any, ...]:
        """What `module` is called with: drawn from a number alone, on the CPU; no two draws of a training are one."""

    def validate(self, module: nn.Module) -> Mapping[str, float]:
        """Figures of the averaged module on the validation side."""


@dataclass(frozen=True)
class Trained:
    """How it went."""

    module: nn.Module
    """With the running mean of its weights, in evaluation mode, on the CPU."""
    figures: dict[str, float]
    """The last validation (of the first process alone), and ``seconds``, ``steps_per_s``, ``peak_memory_bytes`` of this
    one."""


def train(
    task: Task, schedule: Schedule, checkpoints: Checkpoints, curves: Curves, progress: Progress = lambda *_: None
) -> Trained:
    """Learn until the schedule ends; a module's call returns losses by name, their weighted sum as ``total``.

    Raises:
        TrainingError: a loss is NaN or infinite; the last checkpoint is from before.
        CheckpointError: what was saved cannot be read.
        ConfigurationError: the schedule names a part that there is not.
        DiskFullError: no space is left for a checkpoint.
    """
    accelerator = join(schedule)
    average = copy.deepcopy(task.module).eval().requires_grad_(False)
    still = _kept_still(task.module, schedule)
    groups = _groups(task.module, schedule)
    optimiser = torch.optim.AdamW(groups, lr=schedule.learning_rate, weight_decay=schedule.weight_decay, fused=True)
    first, spent = 0, 0.0
    saved = checkpoints.newest()
    if saved is not None:
        first, state = saved
        task.module.load_state_dict(state["module"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        curves.rewind(first)
        spent = float(state["seconds"])
    average.to(accelerator.device)
    module, optimiser = accelerator.prepare(task.module, optimiser)
    began = time.perf_counter() - spent
    figures: dict[str, float] = {}
    draws = {step: my_draws(accelerator, schedule, step) for step in range(first, schedule.steps)}
    buffers = Buffers(accelerator, task.module, schedule.draws)
    with closing(made_ahead(task.arguments, (draw for mine in draws.values() for draw in mine))) as batches:
        for step, mine in draws.items():
            module.train()
            for part in still:
                part.eval()
            losses = _step(
                accelerator, module, optimiser, zip(mine, batches, strict=False), buffers, schedule=schedule, step=step
            )
            _follow(average, accelerator.unwrap_model(module), min(1 - 1 / schedule.average, step / (step + 10)))
            done = step + 1
            if not accelerator.is_main_process:
                continue
            curves.add(step, losses)
            if done % schedule.validate_every == 0 or done == schedule.steps:
                figures = dict(task.validate(average))
                curves.mark(done, figures)
            if done % schedule.checkpoint_every == 0 or done == schedule.steps:
                checkpoints.save(
                    done,
                    {
                        "module": accelerator.unwrap_model(module).state_dict(),
                        "average": average.state_dict(),
                        "optimiser": optimiser.optimizer.state_dict(),
                        "seconds": time.perf_counter() - began,
                    },
                )
            progress(done, schedule.steps)
    if not figures and accelerator.is_main_process:  # killed between the last step and its end
        figures = dict(task.validate(average))
    seconds = time.perf_counter() - began
    figures |= {"seconds": seconds, "steps_per_s": schedule.steps / seconds, "peak_memory_bytes": _peak_memory()}
    return Trained(average.cpu(), figures)


def _kept_still(module: nn.Module, schedule: Schedule) -> list[nn.Module]:
    """Parts that do not learn; they are told so."""
    names = {name for name, _ in (*module.named_modules(), *module.named_parameters())}
    if unknown := schedule.shares.keys() - names:
        raise ConfigurationError(f"shares names '{min(unknown)}', which is no part of what learns", "See params.yaml.")
    parts = [part for name, part in module.named_modules() if name and not schedule.share_of(name)]
    for part in parts:
        part.requires_grad_(False)
    return parts


def _groups(module: nn.Module, schedule: Schedule) -> list[dict[str, Any]]:
    """Parameters that learn, by the share of the rate."""
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad and (share := schedule.share_of(name)):
            groups.setdefault(share, []).append(parameter)
    return [{"params": parameters, "share": share} for share, parameters in groups.items()]


def _step(
    accelerator: Any,
    module: nn.Module,
    optimiser: Any,
    batches: Iterable[tuple[int, tuple[Any, ...]]],
    buffers: Buffers,
    *,
    schedule: Schedule,
    step: int,
) -> dict[str, float]:
    """One step of the optimiser by the mean gradient of all batches, ours and the other processes'.

    Args:
        batches: our share: number and arguments of each.
    """
    for group in optimiser.param_groups:
        group["lr"] = schedule.rate(step) * group["share"]
    optimiser.zero_grad()
    share = schedule.draws // accelerator.num_processes
    found: list[dict[str, Tensor]] = []
    for k, (draw, arguments) in enumerate(batches):
        torch.manual_seed(schedule.seed * 1_000_003 + draw)
        # Processes exchange gradients once a step, with the last batch of each.
        with buffers.of_one_batch(), nullcontext() if k == share - 1 else accelerator.no_sync(module):
            losses = _losses(accelerator, module, arguments, step)
            accelerator.backward(losses["total"] / share)
        found.append({name: loss.detach() for name, loss in losses.items()})
    buffers.agree()
    accelerator.clip_grad_norm_(module.parameters(), schedule.clip)
    optimiser.step()
    return mean_of(accelerator, found)


def _losses(accelerator: Any, module: nn.Module, arguments: tuple[Any, ...], step: int) -> dict[str, Tensor]:
    placed = [a.to(accelerator.device) for a in arguments]
    try:
        with accelerator.autocast():
            losses: dict[str, Tensor] = module(*placed)
    except NonFiniteLossError as error:
        raise TrainingError(f"step {step}: {error.message}") from error
    if not bool(torch.isfinite(losses["total"])):
        raise TrainingError(f"step {step}: the loss is not a number")
    return losses


@torch.no_grad()
def _follow(average: nn.Module, module: nn.Module, keep: float) -> None:
    """Move the running mean of weights a step on; what is counted, not measured, is copied."""
    pairs = list(zip(average.state_dict().values(), module.state_dict().values(), strict=True))
    measured = [pair for pair in pairs if pair[0].dtype.is_floating_point]
    move = get_ema_multi_avg_fn(keep)  # type: ignore[no-untyped-call]
    move([mean for mean, _ in measured], [now.to(mean) for mean, now in measured], 0)
    for mean, now in pairs:
        if not mean.dtype.is_floating_point:
            mean.copy_(now)


def _peak_memory() -> float:
    """Bytes: of the GPU where there is one, else of the process."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    import resource

    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024
