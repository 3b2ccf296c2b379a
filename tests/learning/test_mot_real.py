"""Real video through the device's recorder and the `motion` engine, judged by hand-checked truth."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from typer.testing import CliRunner

from herdbook.cli import app
from herdbook.learning.formats import Tracks, read_tracks
from herdbook.learning.metrics import evaluate_mot

FOOTAGE = Path(__file__).parents[3] / "shared/data/footage"


def record(root: Path, clip_s: int) -> Tracks:
    """What `motion` sees in the real video, cut into clips of so many seconds."""
    options = ["--root", str(root), "--video", str(FOOTAGE / "pair.mp4"), "--day", "2026-03-02", "--final"]
    CliRunner().invoke(app, ["edge", "record", *options[:4]])  # writes a device.yaml, and asks for the day
    with (root / "device.yaml").open("a") as config:
        config.write(f"\nclip_s: {clip_s}\n")
    ended = CliRunner().invoke(app, ["edge", "record", *options[:2], *options[4:]])
    assert ended.exit_code == 0, ended.output
    return read_tracks(root / "days/2026-03-02/r1")


@pytest.mark.slow
def test_motion_on_two_real_animals_over_a_minute(tmp_path: Path) -> None:
    if not FOOTAGE.is_dir():
        pytest.skip("the reference data footage is not here")
    truth, seen = read_tracks(FOOTAGE / "pair_gt.txt", truth=True), record(tmp_path, clip_s=20)
    assert seen.remarks == ("3 clips laid end to end",)
    score = evaluate_mot(truth, seen)
    assert score.clear.mota > 0.9
    assert score.clear.idf1 > 0.9
    # Frames are counted alike on both sides: moved by one they fit worse.
    for shift in (-1, 1):
        moved = evaluate_mot(truth, dataclasses.replace(seen, frames=seen.frames + shift))
        assert moved.hota.loca < score.hota.loca
