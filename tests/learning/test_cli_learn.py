"""``herdbook learn`` as people call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from herdbook.cli import app
from herdbook.errors import EmptyDatasetError, NotInitialisedError, SplitImpossibleError
from herdbook.settings import get_settings

run = CliRunner()


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERDBOOK_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()


def learn(*arguments: object) -> dict[str, object]:
    done = run.invoke(app, ["learn", *(str(a) for a in arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


SMALL = ("--frames", 6, "--every", 1, "--share", "train=0.6", "--share", "validation=0.4")


def test_from_footage_to_targets(small_farms: Path, tmp_path: Path) -> None:
    said = learn("sources", tmp_path / "sources.json", "--farm", small_farms, "--truth", "simulator", small_farms)
    assert said["clips"] == 24
    made = learn("dataset", tmp_path / "data", "--sources", tmp_path / "sources.json", *SMALL)
    assert made["frames"] == 6
    targets = learn(
        "targets",
        tmp_path / "data",
        tmp_path / "t.parquet",
        "--teacher",
        "small:0",
        "--report",
        tmp_path / "report.json",
    )
    assert targets == json.loads((tmp_path / "report.json").read_text())
    assert (targets["frames"], targets["computed"], targets["encoding"]) == (6, 6, "int8")
    again = learn("targets", tmp_path / "data", tmp_path / "t.parquet", "--teacher", "small:0")
    assert (again["computed"], again["bytes"]) == (0, targets["bytes"])


def test_frames_to_annotate_and_back(small_farms: Path, tmp_path: Path) -> None:
    learn("dataset", tmp_path / "data", "--farm", small_farms, "--truth", "simulator", small_farms, *SMALL)
    zipped = tmp_path / "todo.zip"
    given = run.invoke(
        app, ["learn", "golden", "draw", str(tmp_path / "data"), str(zipped), "--labels", "--split", "validation"]
    )
    assert given.exit_code == 0, given.output
    done = learn("golden", "import", "north", zipped)
    assert (done["version"], done["pictures"]) == (1, 2)
    back = run.invoke(app, ["learn", "golden", "export", "north", str(tmp_path / "back.zip"), "--format", "cvat"])
    assert back.exit_code == 0, back.output


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--farm", "{farms}/north"], SplitImpossibleError),
        (["--farm", "{farms}", "--site", "nowhere"], EmptyDatasetError),
        ([], NotInitialisedError),
    ],
)
def test_what_cannot_be_is_one_clear_error(
    small_farms: Path, tmp_path: Path, options: list[str], error: type[Exception]
) -> None:
    given = [option.format(farms=small_farms) for option in options]
    done = run.invoke(app, ["learn", "dataset", str(tmp_path / "data"), *given])
    assert isinstance(done.exception, error), done.output
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("options", [["--truth", "oracle", "x"], ["--share", "train=most"]])
def test_wrong_usage_is_said(tmp_path: Path, options: list[str]) -> None:
    assert run.invoke(app, ["learn", "dataset", str(tmp_path / "data"), *options]).exit_code == 2
