"""What the ML engineer's page tells to type can be typed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOOTAGE = ROOT.parent / "shared" / "data" / "footage"


def typed(containing: str, folder: Path) -> str:
    """What the page's block of commands prints; each must succeed."""
    blocks = re.findall(
        r"^```console\n(.*?)^```", (ROOT / "docs" / "ml-engineer.md").read_text(), re.DOTALL | re.MULTILINE
    )
    (block,) = [block for block in blocks if containing in block]
    lines = "\n".join(line.removeprefix("$ ") for line in block.splitlines())
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-ec", lines], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_simulated_clip_is_evaluated_against_its_truth(tmp_path: Path) -> None:
    pytest.importorskip("cv2", reason="drawing and motion need the extra 'edge'")
    said = typed("simulate farm", tmp_path)
    mota = re.search(r"^mota +(\S+)", said, re.MULTILINE)
    assert mota, said
    assert float(mota[1]) > 0.9


@pytest.mark.slow
@pytest.mark.skipif(not FOOTAGE.is_dir(), reason="the reference footage is not here")
def test_a_video_of_ones_own_is_evaluated_against_its_truth(tmp_path: Path) -> None:
    for name in ("pair.mp4", "pair_gt.txt"):
        shutil.copy(FOOTAGE / name, tmp_path)
    said = typed("evaluate mot --truth pair_gt.txt", tmp_path)
    assert json.loads(said[said.index("{") :])["mota"] > 0.9
