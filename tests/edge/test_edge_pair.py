"""Real footage: two flies for a minute, against their hand-checked truth (1,500 frames, 3,000 boxes)."""

from __future__ import annotations

from pathlib import Path

import pytest
from edge_cases import AFTERWARDS, DAY

from herdbook.edge.init import init_device
from herdbook.edge.recorder import record_day

FOOTAGE = Path(__file__).parents[3] / "shared" / "data" / "footage"


@pytest.mark.slow
@pytest.mark.skipif(not FOOTAGE.is_dir(), reason="the reference footage is not here")
def test_motion_follows_two_animals_that_touch_through_a_minute(tmp_path: Path) -> None:
    """No empty-pen picture, no training; the animals hold still for most of the time and touch now and then."""
    from herdbook.learning.formats import read_tracks
    from herdbook.learning.metrics import evaluate_mot

    config = init_device(tmp_path, [str(FOOTAGE / "pair.mp4")])
    issued = record_day(config, tmp_path, DAY, now=AFTERWARDS)
    (boxes,) = issued.folder.glob("boxes_*.parquet")
    score = evaluate_mot(read_tracks(FOOTAGE / "pair_gt.txt", truth=True), read_tracks(boxes, truth=False)).flat()
    assert score["mota"] >= 0.98
    assert score["idf1"] >= 0.98
    assert score["switches"] == 0
