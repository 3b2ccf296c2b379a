"""`herdbook evaluate mot` as a person or a DAG meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import motmetrics
import pytest

from herdbook.cli import main

CAMPUS = Path(motmetrics.__file__).parent / "data/TUD-Campus"
FILES = ["--truth", str(CAMPUS / "gt.txt"), "--pred", str(CAMPUS / "test.txt")]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code."""
    monkeypatch.setattr(sys, "argv", ["herdbook", "evaluate", "mot", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_json_carries_every_number(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, *FILES, "--json") == 0
    printed = capsys.readouterr()
    data = json.loads(printed.out)
    assert (round(data["mota"], 3), round(data["idf1"], 3), round(data["hota"], 3)) == (0.526, 0.558, 0.391)
    assert {"motp", "switches", "fragmentations", "deta", "assa", "loca", "idp", "idr", "precision", "recall"} < set(
        data
    )
    assert (data["iou"], data["frames"], data["truth_boxes"]) == (0.5, 71, 359)


def test_a_table_for_people(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, *FILES) == 0
    assert "0.5265" in capsys.readouterr().out


def test_a_ratio_without_denominator_is_null(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "output.json").write_text('{"objects": []}')
    assert run(monkeypatch, *FILES[:3], str(tmp_path), "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["motp"], data["precision"], data["mota"]) == (None, None, 0)


def test_a_higher_threshold_matches_less(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, *FILES, "--iou", "0.75", "--json") == 0
    assert json.loads(capsys.readouterr().out)["mota"] < 0.2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([*FILES[:3], "/absent"], 12, "there is no file /absent"),
        ([*FILES[:3], __file__], 13, "is no track file"),
        ([*FILES, "--pred-format", "edinburgh"], 13, "is not Edinburgh output.json"),
        ([*FILES, "--pred-format", "coco"], 2, "coco"),
        ([*FILES, "--iou", "0"], 10, "the IoU threshold 0"),
        ([*FILES, "--iou", "nan"], 10, "the IoU threshold nan"),
        (FILES[:2], 2, "--pred"),
    ],
)
def test_what_is_wrong_is_said_once_with_an_exit_code(
    arguments: list[str],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, *arguments) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert "Traceback" not in printed.err


def test_more_ids_than_can_be_compared_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tracker that numbers its boxes anew in every frame."""
    boxes = tmp_path / "pred.txt"
    boxes.write_text("".join(f"{n // 1000 + 1},{n},{n % 1000},5,9,9,1,-1,-1,-1\n" for n in range(60_000)))
    assert run(monkeypatch, *FILES[:2], "--pred", str(boxes)) == 10
    said = capsys.readouterr().err
    assert "60000 predicted ids are more than the 5000" in said
    assert "Traceback" not in said


def test_without_motmetrics_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "motmetrics", None)
    assert run(monkeypatch, *FILES) == 50
    assert "herdbook[learning]" in capsys.readouterr().err


def test_no_heavy_library_is_loaded_for_it() -> None:
    code = (
        "import sys\n"
        "from herdbook.cli import app\n"
        "app(sys.argv[1:], standalone_mode=False)\n"
        "heavy = {'torch', 'mlflow', 'duckdb', 'transformers', 'cv2'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code, "evaluate", "mot", *FILES, "--json"], check=True, capture_output=True)
