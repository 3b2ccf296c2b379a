"""What each precision costs: every graph on the same frames of the validation side, less the float32 graph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from herdbook.contracts.release import AccuracyCost, Precision
from herdbook.learning.datasets.plan import Split
from herdbook.learning.datasets.reading import Dataset
from herdbook.learning.training.detection import AT_MOST, judge_seen
from herdbook.learning.training.export import DRIFT_FRAMES, pictures
from herdbook.learning.training.frames import Frames, load_frames
from herdnet.compact import CompactConfig, Detections
from herdnet.instances import Selection
from herdnet.parity import drift, open_onnx


def costs(
    graphs: Mapping[Precision, Path], config: CompactConfig, dataset: Dataset, rules: Selection
) -> list[AccuracyCost]:
    """One entry for each precision but fp32.

    ``moda``, ``precision``, ``recall``, ``mask_iou``, ``behaviour_top1`` and ``behaviour_macro_f1`` are against labels
    (`detection.judge_student`); ``same_matched``, ``same_mask_iou`` and ``same_embedding_cosine`` against what fp32
    says (`herdnet.parity.drift`), and so 1 for fp32 itself. A figure that cannot be had (no animal seen) is left out.

    Args:
        graphs: with outputs of `Detections`; fp32 among them.
        config: of the student.
        dataset: whose validation side is looked at.
        rules: when a proposal is an animal.

    Raises:
        EmptyDatasetError: no frame of that side is labelled.
    """
    frames = load_frames(dataset, Split.VALIDATION, config.image_size, about=AT_MOST)
    whole = graphs[Precision.FP32]
    reference = _judged(whole, config, frames, rules)
    found = []
    for precision, graph in graphs.items():
        if precision is Precision.FP32:
            continue
        changed = drift(whole, graph, pictures(frames, DRIFT_FRAMES), score=rules.score)
        same = {f"same_{name}": changed[name] for name in ("matched", "mask_iou", "embedding_cosine")}
        known = {name: value for name, value in same.items() if math.isfinite(value)}
        figures = _judged(graph, config, frames, rules)
        found.append(
            AccuracyCost(
                precision=precision,
                frames=len(frames),
                fp32=_rounded(reference | dict.fromkeys(known, 1.0)),
                difference=_rounded(
                    {name: figures[name] - reference[name] for name in reference}
                    | {name: value - 1.0 for name, value in known.items()}
                ),
            )
        )
    return found


def _judged(graph: Path, config: CompactConfig, frames: Frames, rules: Selection) -> dict[str, float]:
    says = open_onnx(graph)

    def look(images: Tensor) -> list[NDArray[np.float32]]:
        """One at a time: the graph's shapes are fixed."""
        each = [says({"images": image[None].numpy()}) for image in images]
        return [np.concatenate([one[name] for one in each]) for name in Detections._fields]

    return judge_seen(look, config, frames, [rules])[0]


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in sorted(figures.items())}
