"""The two sequences inside motmetrics: published figures, and TrackEval's on every number."""

from __future__ import annotations

from pathlib import Path

import motmetrics
import pytest
from trackeval_oracle import judge_files, ours

from herdbook.learning.formats import read_tracks
from herdbook.learning.metrics import MotScore, evaluate_mot

DATA = Path(motmetrics.__file__).parent / "data"
PUBLISHED = {"TUD-Campus": (71, 0.526, 0.558), "TUD-Stadtmitte": (179, 0.564, 0.645)}
"""Frames, MOTA and IDF1 at IoU 0.5, from the README of py-motmetrics."""


def score(sequence: str) -> MotScore:
    folder = DATA / sequence
    return evaluate_mot(read_tracks(folder / "gt.txt", truth=True), read_tracks(folder / "test.txt"))


@pytest.mark.parametrize("sequence", PUBLISHED)
def test_mota_and_idf1_are_the_published_ones(sequence: str) -> None:
    _, mota, idf1 = PUBLISHED[sequence]
    assert score(sequence).clear.mota == pytest.approx(mota, abs=0.0005)
    assert score(sequence).clear.idf1 == pytest.approx(idf1, abs=0.0005)


@pytest.mark.parametrize("sequence", PUBLISHED)
def test_trackeval_agrees_on_every_number(sequence: str, tmp_path: Path) -> None:
    frames = PUBLISHED[sequence][0]
    theirs = judge_files(DATA / sequence / "gt.txt", DATA / sequence / "test.txt", frames, tmp_path)
    mine = ours(score(sequence))
    assert mine == pytest.approx({name: theirs[name] for name in mine}, abs=1e-9)
