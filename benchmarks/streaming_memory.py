"""Memory of a stream that never ends: SAM 3's tracker with ``herdnet.session.Stream``, pruned and not.

The classes are the real ones at the smallest size they can be built, with random weights: what a session keeps does
not depend on what the weights are. Two objects are prompted in the first frame. Each way streams in a process of its
own, so that its resident memory is its own. Held is what `session_bytes` counts: every tensor that the session can
reach. Asked for by name only: 20,000 frames take minutes. Results: ``benchmarks/results/streaming-memory.{json,png}``.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from rich.progress import track

from herdbook.cli.output import console
from herdbook.contracts.durable import make_folder, write_durably
from herdnet.sam3_config import SmallTeacher, build_tracker, small_config
from herdnet.session import ObjectPrompt, Stream, session_bytes

FRAMES = 10_000
SETTLED = 1_000
"""From this frame on nothing may grow."""
EVERY = 100
CAP = 2_000_000_000
"""Resident bytes at which a stream is stopped."""
AIM = 0.01
RESULTS = Path(__file__).parent / "results"
MEGABYTE = 1e6


@dataclass
class Memory:
    """Bytes after frames (from 1)."""

    frames: list[int] = field(default_factory=list)
    held: list[int] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)

    def growth(self, of: str, settled: int) -> float:
        """Largest later value over that at frame `settled`, less one."""
        values: list[int] = getattr(self, of)[self.frames.index(settled) :]
        return max(values) / values[0] - 1


def run() -> list[dict[str, Any]]:
    """Rows of memory at the end and of growth after frame 1,000, pruned against unpruned."""
    pruned, whole = (_in_own_process(way) for way in (True, False))
    write(pruned, whole)
    return list(_rows(pruned, whole))


def _in_own_process(pruned: bool) -> Memory:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as one:
        return one.submit(stream, pruned, FRAMES, EVERY, CAP).result()


def stream(pruned: bool, frames: int, every: int, cap: int) -> Memory:
    """Memory of `frames` frames, or of fewer if the process grows beyond `cap`."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    smallest = SmallTeacher(image_size=32, patch_size=8, channels=64, layers=2, window=2)
    video = Stream(build_tracker(small_config(smallest)).eval(), pruned=pruned)
    prompts = [ObjectPrompt(1, points=[(8, 8)]), ObjectPrompt(2, points=[(20, 20)])]
    memory = Memory()
    with torch.inference_mode():
        for frame in track(range(1, frames + 1), "pruned" if pruned else "everything kept", console=console):
            video.step(torch.rand(3, 32, 32), prompts if frame == 1 else [])
            if frame % every == 0:
                memory.frames.append(frame)
                memory.held.append(session_bytes(video.session))
                memory.resident.append(resident_bytes())
                if memory.resident[-1] > cap:
                    break
    return memory


def resident_bytes() -> int:
    """What this process has in memory now, as Linux counts it."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def write(pruned: Memory, whole: Memory) -> None:
    """The figures and their plot."""
    found = {
        "frames": {"pruned": pruned.frames[-1], "unpruned": whole.frames[-1]},
        "objects": 2,
        "growth_after": SETTLED,
        "growth": {
            way: {of: round(memory.growth(of, SETTLED), 6) for of in ("held", "resident")}
            for way, memory in (("pruned", pruned), ("unpruned", whole))
        },
        "pruned": asdict(pruned),
        "unpruned": asdict(whole),
    }
    make_folder(RESULTS)
    write_durably(RESULTS / "streaming-memory.json", (json.dumps(found) + "\n").encode())
    plot(pruned, whole, RESULTS / "streaming-memory.png")


def plot(pruned: Memory, whole: Memory, path: Path) -> None:
    """Both ways side by side: what the session holds, and what the process has resident."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, of, title in zip(
        figure.subplots(1, 2), ("held", "resident"), ("held by the session", "resident in the process"), strict=True
    ):
        for memory, name in ((whole, "everything kept"), (pruned, "sliding window of 16 frames")):
            axes.plot(memory.frames, [value / MEGABYTE for value in getattr(memory, of)], label=name)
        axes.set(title=title, xlabel="frame", ylabel="MB", ylim=(0, None))
        axes.legend(frameon=False)
    figure.savefig(path, dpi=110)


def _rows(pruned: Memory, whole: Memory) -> Iterator[dict[str, Any]]:
    for of in ("held", "resident"):
        ours, theirs = getattr(pruned, of)[-1], getattr(whole, of)[-1]
        yield _row(f"{of} after {whole.frames[-1]} frames", ours / MEGABYTE, theirs / MEGABYTE, "MB", None)
    for of in ("held", "resident"):
        growth = [100 * memory.growth(of, SETTLED) for memory in (pruned, whole)]
        yield _row(f"{of}, growth after frame {SETTLED}", *growth, "%", 100 * AIM)


def _row(name: str, ours: float, baseline: float, unit: str, aim: float | None) -> dict[str, Any]:
    ratio = round(ours / baseline, 4) if baseline else None
    return {
        "name": name,
        "ours": round(ours, 3),
        "baseline": round(baseline, 3),
        "unit": unit,
        "ratio": ratio,
        "aim": aim,
    }
