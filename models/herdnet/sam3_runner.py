"""SAM 3's tracker as a stream, from its graphs: what `herdnet.session.Stream` does, without torch.

Memory is bounded as by `SlidingWindow.covering`: of frames without a prompt only as many are kept as are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from herdnet.errors import PromptError, ShapeError
from herdnet.parity import open_onnx
from herdnet.sam3_rules import Rules, read_rules

Floats = NDArray[np.float32]
Says = Callable[[Mapping[str, NDArray[Any]]], Mapping[str, NDArray[Any]]]
"""Outputs of a graph by name, of inputs by name: ONNX Runtime here, Triton on a device."""

ROLES = ("encoder", "decoder", "memory-attention", "memory-encoder")
NOBODY = -1024.0
"""Mask logits where there is no object, as the tracker has it."""
NO_PROMPT = -1


@dataclass(frozen=True)
class Asked:
    """Where an object is in the present frame: points with their labels, in pixels of the tracker's square."""

    object_id: int
    points: Sequence[tuple[float, float]]
    labels: Sequence[int] = ()
    """1 on the object, 0 beside it, 2 and 3 the corners of a box; all 1 when left out."""

    def __post_init__(self) -> None:
        if not self.points or (self.labels and len(self.labels) != len(self.points)):
            raise PromptError(f"object {self.object_id}: give points, and as many labels or none")


@dataclass(frozen=True)
class Found:
    """The objects of one frame, in the order in which they were first prompted."""

    object_ids: list[int]
    logits: Floats
    """[N, 4g, 4g]."""
    scores: Floats
    """[N] probability that the object is in view."""


@dataclass
class _Past:
    """Of one object, by frame: its memory [64, g, g], and its pointer [C]."""

    prompted: dict[int, tuple[Floats | None, Floats]] = field(default_factory=dict)
    tracked: dict[int, tuple[Floats | None, Floats]] = field(default_factory=dict)


class Sam3Runner:
    """Frames in, masks of prompted objects out."""

    def __init__(self, rules: Rules, graphs: Mapping[str, Says]) -> None:
        """`graphs` by `ROLES`; those of memory only where `step` is called."""
        if missing := set(ROLES[:2]) - set(graphs):
            raise ShapeError(f"a SAM 3 tracker needs a graph for {min(missing)}")
        self.rules, self._graphs = rules, graphs
        self._none = np.asarray(rules.no_memory, np.float32).reshape(1, -1, 1, 1)
        self.frame, self._objects = -1, dict[int, _Past]()

    @classmethod
    def open(cls, folder: Path, suffix: str = ".onnx", threads: int = 1) -> Sam3Runner:
        """From a folder that `sam3_export.export_system` wrote, by ONNX Runtime on the CPU.

        Raises:
            ExportError: a file is missing or is not a graph.
        """
        return cls(read_rules(folder), {role: open_onnx(folder / f"{role}{suffix}", threads) for role in ROLES})

    def look(self, picture: Floats) -> dict[str, Floats]:
        """``fine``, ``middle``, ``coarse`` and ``features`` of a picture [3, side, side], RGB in 0..1.

        Raises:
            ShapeError: it is of another size.
        """
        wanted = (3, self.rules.picture, self.rules.picture)
        if picture.shape != wanted:
            raise ShapeError(f"the encoder takes {list(wanted)}, not {list(picture.shape)}", "Resize the picture.")
        return dict(self._graphs["encoder"]({"images": np.ascontiguousarray(picture[None], np.float32)}))

    def ask(self, seen: Mapping[str, Floats], points: Floats) -> tuple[Floats, Floats]:
        """Everything at points [P, 2] of a picture, without memory: mask logits [P, 4g, 4g], and scores [P] = P(object)
        times the estimated IoU."""
        labels = np.ones((1, len(points), 1), np.int32)
        said = self._decode(seen, seen["coarse"] + self._none, points[None, :, None], labels)
        return said["masks"][0], said["iou"][0] * _sigmoid(said["objects"][0])

    def step(self, picture: Floats, asked: Sequence[Asked] = ()) -> Found:
        """Track the next frame. A prompt begins an object, whenever it appears, or corrects it."""
        self.frame += 1
        prompts = {prompt.object_id: prompt for prompt in asked}
        for object_id in prompts:
            self._objects.setdefault(object_id, _Past())
        if not self._objects:
            return Found([], np.zeros((0, 0, 0), np.float32), np.zeros(0, np.float32))
        seen = self.look(picture)
        masks, objects = [], []
        pointers = {}
        for object_id, past in self._objects.items():
            said = self._one(seen, past, prompts.get(object_id))
            masks.append(said[0])
            objects.append(said[1])
            pointers[object_id] = said[2]
        self._remember(seen, prompts, masks, objects, pointers)
        return Found(list(self._objects), np.stack(masks), _sigmoid(np.array(objects, np.float32)))

    def _one(self, seen: Mapping[str, Floats], past: _Past, prompt: Asked | None) -> tuple[Floats, float, Floats]:
        """Mask logits [4g, 4g], the object's logit and its pointer [C]."""
        if prompt is not None:
            points = np.asarray(prompt.points, np.float32).reshape(1, 1, -1, 2)
            labels = np.asarray(prompt.labels or [1] * len(prompt.points), np.int32).reshape(1, 1, -1)
            pixels, count = seen["coarse"] + self._none, labels.shape[-1]
        else:
            points, labels = np.zeros((1, 1, 1, 2), np.float32), np.full((1, 1, 1), NO_PROMPT, np.int32)
            pixels, count = self._conditioned(seen, past), 0
        said = self._decode(seen, pixels, points, labels)
        several = self.rules.asks_several(count, prompted=prompt is not None)
        mask, pointer = said["best" if several else "masks"][0, 0], said["best_pointers" if several else "pointers"]
        logit = float(said["objects"][0, 0])
        return mask if logit > 0 else np.full_like(mask, NOBODY), logit, pointer[0, 0]

    def _conditioned(self, seen: Mapping[str, Floats], past: _Past) -> Floats:
        """The picture's features, conditioned on the object's past."""
        rules, now = self.rules, self.frame
        near = _nearest(list(past.prompted), now, rules.prompted_memories)
        memories, ages = [past.prompted[t][0] for t in near], [0] * len(near)
        for age in range(rules.memories - 1, 0, -1):
            held = past.tracked.get(now - age) or (None if now - age in near else past.prompted.get(now - age))
            if held is not None:
                memories.append(held[0])
                ages.append(age)
        pointers = [(now - t, pointer) for t, (_, pointer) in past.prompted.items()]
        pointers += [(d, past.tracked[now - d][1]) for d in range(1, rules.pointers) if now - d in past.tracked]
        said = self._graphs["memory-attention"](
            {
                "coarse": seen["coarse"],
                "memories": np.stack([memory for memory in memories if memory is not None]),
                "ages": np.array(ages, np.int64),
                "pointers": np.stack([pointer for _, pointer in pointers]),
                "offsets": np.array([offset for offset, _ in pointers], np.float32),
            }
        )
        return said["conditioned"]

    def _remember(
        self,
        seen: Mapping[str, Floats],
        prompts: Mapping[int, Asked],
        masks: Sequence[Floats],
        objects: Sequence[float],
        pointers: Mapping[int, Floats],
    ) -> None:
        """Memories of all objects. The tracker takes every mask of a frame with a prompt as if it were prompted."""
        prompted = np.array([float(bool(prompts))], np.float32)
        kept = max(self.rules.memories, self.rules.pointers) - 1
        for (object_id, past), mask, logit in zip(self._objects.items(), masks, objects, strict=True):
            said = self._graphs["memory-encoder"](
                {
                    "coarse": seen["coarse"],
                    "masks": mask[None, None],
                    "objects": np.array([[logit]], np.float32),
                    "prompted": prompted,
                }
            )
            store = past.prompted if object_id in prompts else past.tracked
            store[self.frame] = (bfloat16(said["memory"][0]), pointers[object_id])
            for t in [t for t in past.tracked if t <= self.frame - kept]:
                del past.tracked[t]
            self._forget_prompted(past)

    def _forget_prompted(self, past: _Past) -> None:
        """Of prompted frames that are not read any more only the pointer stays, which is read for ever."""
        limit = self.rules.prompted_memories
        old = sorted(t for t in past.prompted if t <= self.frame - self.rules.memories)
        for t in old[: max(0, len(old) - limit)] if limit >= 0 else []:
            past.prompted[t] = (None, past.prompted[t][1])

    def _decode(
        self, seen: Mapping[str, Floats], pixels: Floats, points: Floats, labels: NDArray[np.int32]
    ) -> Mapping[str, Floats]:
        inputs = {"fine": seen["fine"], "middle": seen["middle"], "pixels": pixels, "points": points, "labels": labels}
        return self._graphs["decoder"](inputs)


def bfloat16(values: Floats) -> Floats:
    """Rounded to bfloat16, to the nearest and to even, and held as float32."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (rounded & np.uint32(0xFFFF0000)).view(np.float32)


def _nearest(prompted: Sequence[int], now: int, most: int) -> list[int]:
    """The prompted frames whose memory is read, in the order in which the tracker reads them: all where there are few,
    else the last, then the nearest of the others."""
    if most == -1 or len(prompted) <= most:
        return list(prompted)
    return sorted(prompted, key=lambda t: abs(t - now))[:most]


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-values)), np.float32)
