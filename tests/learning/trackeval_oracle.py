"""TrackEval as the judge of our numbers: its metrics, its overlaps, and for files its own reader too."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from trackeval.datasets import MotChallenge2DBox
from trackeval.metrics import CLEAR, HOTA, Identity

from herdbook.learning.formats import Tracks
from herdbook.learning.metrics import MotScore

QUIET = {"PRINT_CONFIG": False}


def judge_files(truth: Path, predicted: Path, frames: int, folder: Path) -> dict[str, float]:
    """TrackEval's figures for two MOTChallenge files, read by its own reader."""
    (folder / "gt/seq/gt").mkdir(parents=True)
    (folder / "trackers/ours/data").mkdir(parents=True)
    shutil.copy(truth, folder / "gt/seq/gt/gt.txt")
    shutil.copy(predicted, folder / "trackers/ours/data/seq.txt")
    dataset = MotChallenge2DBox(
        QUIET
        | {"GT_FOLDER": str(folder / "gt"), "TRACKERS_FOLDER": str(folder / "trackers"), "TRACKERS_TO_EVAL": ["ours"]}
        | {"SKIP_SPLIT_FOL": True, "BENCHMARK": "MOT15", "SEQ_INFO": {"seq": frames}}
    )
    raw = dataset.get_raw_seq_data("ours", "seq")
    return _figures(dataset.get_preprocessed_seq_data(raw, "pedestrian"), 0.5)


def judge(truth: Tracks, predicted: Tracks, threshold: float = 0.5) -> dict[str, float]:
    """TrackEval's figures for tracks, overlaps by its own formula."""
    frames = range(1, int(max([*truth.frames, *predicted.frames], default=0)) + 1)
    true_ids, true_boxes = _by_frame(truth, frames)
    our_ids, our_boxes = _by_frame(predicted, frames)
    overlap = MotChallenge2DBox._calculate_box_ious
    data = {
        "num_timesteps": len(frames),
        "num_gt_ids": len(np.unique(truth.ids)),
        "num_tracker_ids": len(np.unique(predicted.ids)),
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(predicted),
        "gt_ids": true_ids,
        "tracker_ids": our_ids,
        "similarity_scores": [overlap(a, b, box_format="xywh") for a, b in zip(true_boxes, our_boxes, strict=True)],
    }
    return _figures(data, threshold)


def ours(score: MotScore) -> dict[str, float]:
    """Our figures under TrackEval's names; those that it has no name for are left out."""
    clear, hota = score.clear, score.hota
    return {
        "MOTA": clear.mota,
        "MOTP": clear.motp or 0.0,
        "CLR_Re": clear.recall,
        "CLR_Pr": clear.precision or 0.0,
        "CLR_FP": clear.false_positives,
        "CLR_FN": clear.misses,
        "IDSW": clear.switches,
        "Frag": clear.fragmentations,
        "MT": clear.mostly_tracked,
        "PT": clear.partly_tracked,
        "ML": clear.mostly_lost,
        "IDF1": clear.idf1,
        "IDP": clear.idp or 0.0,
        "IDR": clear.idr,
        "HOTA": hota.hota,
        "DetA": hota.deta,
        "AssA": hota.assa,
        "LocA": hota.loca,
    }


def _figures(data: dict[str, Any], threshold: float) -> dict[str, float]:
    config = QUIET | {"THRESHOLD": threshold}
    found: dict[str, float] = {}
    for metric in (CLEAR(config), Identity(config), HOTA()):
        found |= {name: float(np.mean(value)) for name, value in metric.eval_sequence(data).items()}
    return found


def _by_frame(tracks: Tracks, frames: range) -> tuple[list[Any], list[Any]]:
    codes = np.unique(tracks.ids, return_inverse=True)[1]
    rows = [tracks.frames == frame for frame in frames]
    return [codes[row] for row in rows], [tracks.boxes[row] for row in rows]
