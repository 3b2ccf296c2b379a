"""Teacher and student at full size on a GPU, with random weights: what memory and time are asked for, not how good.

Two streams of the same frames and objects, one through SAM 3's tracker, one through the tracker that sees through the
student; then the student alone under training. Asked for by name only. Without a GPU it ends with one line. Written to
``benchmarks/results/full-size.json``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from herdbook.contracts.durable import make_folder, write_durably
from herdnet.losses import alignment
from herdnet.sam3_config import SmallTeacher, build_tracker, full_config, small_config, vision
from herdnet.session import ObjectPrompt, Stream
from herdnet.student import Student, StudentConfig
from herdnet.substitute import substitute

RESULTS = Path(__file__).parent / "results" / "full-size.json"
AIM_MEMORY, AIM_BACKBONE = 3.01, 3.6
"""The paper's ratios (arXiv 2604.27128)."""
GIGABYTE = 1e9


@dataclass(frozen=True)
class Size:
    """How large, and how much is measured."""

    teacher: SmallTeacher | None = None
    """None is SAM 3 as published."""
    student: StudentConfig = field(default_factory=StudentConfig)
    frame: tuple[int, int] = (720, 1280)
    frames: int = 60
    objects: int = 8
    warm: int = 10
    batch: int = 8
    steps: int = 20
    dtype: torch.dtype = torch.bfloat16


def run() -> list[dict[str, Any]]:
    """Rows of teacher against student: memory, backbone, stream; then training of the student."""
    if not torch.cuda.is_available():
        sys.exit("full_size needs a GPU that torch can use, and there is none here: nothing was measured.")
    found = measure(torch.device("cuda"), Size())
    found["device"] = torch.cuda.get_device_name()
    make_folder(RESULTS.parent)
    write_durably(RESULTS, (json.dumps(found, indent=1) + "\n").encode())
    return list(_rows(found))


def measure(device: torch.device, size: Size) -> dict[str, Any]:
    """All figures: seconds a frame, peak bytes (0 without CUDA), frames trained a second."""
    torch.manual_seed(0)
    config = full_config() if size.teacher is None else small_config(size.teacher)
    teacher = build_tracker(config).to(device, size.dtype).eval()
    found: dict[str, Any] = {"teacher": _pipeline(teacher, device, size)}
    student = Student(size.student)
    system = substitute(teacher, student.to(device, size.dtype)).eval()
    del teacher  # its memory must not count for the other
    found["student"] = _pipeline(system, device, size)
    fast = system.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if device.type == "cuda":
        vision(fast).backbone = torch.compile(vision(fast).backbone)
        found["student, compiled, channels last"] = _pipeline(fast, device, size)
    del system, fast
    found["training"] = _training(student.to(device, torch.float32), device, size)
    return found


@torch.inference_mode()
def _pipeline(tracker: Any, device: torch.device, size: Size) -> dict[str, float]:
    _forget_peak(device)
    side = int(tracker.config.image_size)
    pixels = torch.rand(1, 3, side, side, device=device, dtype=size.dtype)
    backbone = vision(tracker).backbone
    seconds = _seconds(lambda: backbone(pixels), size, device)
    stream = Stream(tracker, dtype=size.dtype)
    height, width = size.frame
    places = [(width * (k + 0.5) / size.objects, height / 2) for k in range(size.objects)]
    prompts = [ObjectPrompt(k + 1, points=[place]) for k, place in enumerate(places)]
    frame = torch.rand(3, height, width, device=device)
    stream.step(frame, prompts)
    return {
        "backbone_s": seconds,
        "frame_s": _seconds(lambda: stream.step(frame), size, device),
        "peak_bytes": _peak(device),
    }


def _training(student: Student, device: torch.device, size: Size) -> dict[str, float]:
    """Mixed precision: weights in float32, products in bf16."""
    _forget_peak(device)
    config = student.config
    optimiser = torch.optim.AdamW(student.train().parameters(), lr=1e-4)
    images = torch.rand(size.batch, 3, config.image_size, config.image_size, device=device)
    targets = torch.randn(size.batch, config.channels, config.grid, config.grid, device=device)

    def step() -> Tensor:
        optimiser.zero_grad()
        with torch.autocast(device.type, torch.bfloat16):
            features = student(images)
        loss = alignment(features, targets).total
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        return loss

    seconds = _seconds(step, size, device, rounds=size.steps)
    return {"frames_per_s": size.batch / seconds, "step_s": seconds, "peak_bytes": _peak(device)}


def _seconds(work: Callable[[], Any], size: Size, device: torch.device, rounds: int | None = None) -> float:
    """Mean of many, after some that warm up; the device is waited for."""
    for _ in range(size.warm):
        work()
    _wait(device)
    began = time.perf_counter()
    for _ in range(rounds or size.frames):
        work()
    _wait(device)
    return (time.perf_counter() - began) / (rounds or size.frames)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _peak(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated() if device.type == "cuda" else 0


def _rows(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    teacher = found["teacher"]
    for name in [n for n in found if n.startswith("student")]:
        student = found[name]
        for what, key, scale, unit, aim in (
            ("peak memory", "peak_bytes", 1 / GIGABYTE, "GB", AIM_MEMORY),
            ("backbone", "backbone_s", 1e3, "ms", AIM_BACKBONE),
            ("stream, a frame", "frame_s", 1e3, "ms", None),
        ):
            yield {
                "name": f"{what}, {name}",
                "ours": round(student[key] * scale, 3),
                "baseline": round(teacher[key] * scale, 3),
                "unit": unit,
                "ratio": round(teacher[key] / student[key], 2),
                "aim": aim,
            }
    trained = found["training"]
    yield {
        "name": f"training the student, peak {trained['peak_bytes'] / GIGABYTE:.1f} GB",
        "ours": round(trained["frames_per_s"], 1),
        "baseline": None,
        "unit": "frames/s",
        "ratio": None,
        "aim": None,
    }
