from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from edge_cases import DAY, MakeDevice
from typer.testing import CliRunner

from herdbook.cli import app
from herdbook.edge.config import write_device_config
from herdbook.errors import ConfigurationError, InputError, VideoSourceError


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["edge", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_plain_video_becomes_a_device_day_in_one_line(films: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (row,) = json.loads(
        run("record", "--root", str(root), "--video", str(films / "walk.mp4"), "--day", str(DAY), "--json")
    )
    assert (row["state"], row["revision"], row["frames"], row["clips"]) == ("issued", 1, 60, 1)
    told = yaml.safe_load((root / "device.yaml").read_text())
    assert told["cameras"][0]["width"] == 160
    (row,) = json.loads(run("record", "--root", str(root), "--day", str(DAY), "--json"))
    assert row["state"] == "unchanged"
    (day,) = json.loads(run("days", "--root", str(root), "--json"))
    assert (day["day"], day["files"]) == (str(DAY), "7 of 7")
    (row,) = json.loads(run("reissue", str(DAY), "--root", str(root), "--json"))
    assert row["revision"] == 2


def test_another_video_is_not_recorded_under_the_first_ones_name(films: Path, tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    run("init", "--root", root, "--video", str(films / "walk.mp4"))
    with pytest.raises(ConfigurationError, match=r"other\.mp4"):
        run("record", "--root", root, "--video", str(tmp_path / "other.mp4"), "--day", str(DAY))


def test_without_a_day_every_day_that_clips_speak_of_is_recorded(
    make_device: MakeDevice, clip_folder: Path, tmp_path: Path, films: Path
) -> None:
    (clip_folder / "cam-1_20260601T225955Z.mp4").write_bytes(
        (films / "walk.mp4").read_bytes()
    )  # across the farm's midnight
    (clip_folder / "cam-1_20260603T080000Z.mp4").write_bytes((films / "walk.mp4").read_bytes())
    write_device_config(tmp_path / "device.yaml", make_device(clip_folder))
    found = json.loads(
        run("record", "--root", str(tmp_path / "root"), "--device", str(tmp_path / "device.yaml"), "--final", "--json")
    )
    assert [(row["day"], row["frames"]) for row in found] == [
        ("2026-06-01", 205),
        ("2026-06-02", 35),
        ("2026-06-03", 60),
    ]


def test_init_writes_a_device_and_a_token_and_keeps_what_is_there(films: Path, tmp_path: Path) -> None:
    root = tmp_path / "device"
    arguments = ["init", "--root", str(root), "--video", str(films / "walk.mp4"), "--device-id", "barn-7", "--json"]
    (row,) = json.loads(run(*arguments))
    assert (row["device"], row["size"], row["fps"]) == ("barn-7", "160x120", 5.0)
    before = {path.name: path.read_bytes() for path in root.iterdir()}
    run(*arguments)
    assert {path.name: path.read_bytes() for path in root.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (["record"], ConfigurationError, "device.yaml"),
        (["record", "--video", "absent.mp4"], VideoSourceError, "absent.mp4"),
        (["init", "--video", "{film}", "--device-id", "../up"], ConfigurationError, "device_id"),
        (["record", "--video", "{film}"], ConfigurationError, "--day"),
        (["init", "--video", "{film}", "--timezone", "Europe"], ConfigurationError, "'Europe' is not a time zone"),
        (["record", "--video", "{film}", "--day", "9999-12-31"], InputError, "9999-12-31 is not a day of a farm"),
        (["record", "--video", "{film}", "--day", "0001-01-01"], InputError, "0001-01-01 is not a day of a farm"),
        (["record", "--video", "{film}", "--start", "noon"], InputError, "noon"),
    ],
)
def test_what_a_user_can_mend_is_said(
    films: Path, tmp_path: Path, arguments: list[str], error: type[Exception], said: str
) -> None:
    filled = [a.format(film=films / "walk.mp4") for a in arguments]
    with pytest.raises(error) as caught:
        run(filled[0], "--root", str(tmp_path / "root"), *filled[1:])
    told = caught.value
    assert said in f"{told.message} {told.remedy}"  # type: ignore[attr-defined]
    assert len(told.message.splitlines()) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("day", ["yesterday", "20260601", "2026-W23-1", ""])
def test_a_day_is_written_in_one_way(films: Path, tmp_path: Path, day: str) -> None:
    arguments = ["edge", "record", "--root", str(tmp_path), "--video", str(films / "walk.mp4"), "--day", day]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "YYYY-MM-DD" in result.output


def test_a_refused_source_is_shown_without_its_password(films: Path, tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    run("init", "--root", root, "--video", str(films / "walk.mp4"))
    with pytest.raises(ConfigurationError) as caught:
        run("record", "--root", root, "--video", "rtsp://admin:hunter2@10.0.0.7/stream")
    assert "rtsp://10.0.0.7/…" in caught.value.message
    assert "hunter2" not in caught.value.message
