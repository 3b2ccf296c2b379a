"""The command line as a whole: help everywhere, errors without tracebacks, exit codes, interruption."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from herdbook import cli
from herdbook.errors import DiskFullError, StorageError

GROUPS = ["", "animal", "edge", "evaluate", "fleet", "labels", "lake", "roster", "simulate"]


def herdbook(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "herdbook", *arguments],
        env=os.environ | {"HERDBOOK_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_of_commands_explains_itself(group: str, tmp_path: Path) -> None:
    done = herdbook(*group.split(), "--help", home=tmp_path)
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys; from herdbook.cli import app; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"duckdb", "pyarrow", "cv2", "av", "trackers", "fastapi", "sqlalchemy", "torch", "airflow"} & set(loaded)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["load"], 44, "herdbook init"),
        (["ingest", "nobody", "2026-03-02"], 44, "herdbook init"),
        (["sql", "SELECT 1"], 12, "herdbook"),
        (["sql", "-- hours seen\nFROM animal_day"], 12, "herdbook"),
        (["sql", "--lake", "-- hours seen\nFROM animal_day"], 44, "herdbook init"),
        (["lake", "check"], 44, "herdbook init"),
        (["evaluate", "mot", "--truth", "nowhere.txt", "--pred", "nowhere.txt"], 12, "nowhere.txt"),
        (["doctor"], 51, "home"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_beginners_first_mistakes_end_in_one_message_and_a_code(
    arguments: list[str], code: int, says: str, tmp_path: Path
) -> None:
    done = herdbook(*arguments, home=tmp_path / "not-there-yet")
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr


@pytest.mark.parametrize("home", ["a-file", "a-file/below", "/proc/herdbook"])
@pytest.mark.parametrize("command", ["init", "demo", "ingest nobody 2026-03-02"])
def test_a_home_that_cannot_be_is_named(command: str, home: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    done = herdbook(*command.split(), home=tmp_path / home)
    assert "Traceback" not in done.stderr
    assert done.returncode in (40, 44), done.stderr
    assert str(tmp_path / home) in done.stderr


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, DiskFullError), (errno.EDQUOT, DiskFullError), (errno.EACCES, StorageError)]
)
def test_what_the_system_refuses_is_an_error_of_ours(
    number: int, kind: type[StorageError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused() -> None:
        raise OSError(number, os.strerror(number), "/somewhere/clip.mp4")

    monkeypatch.setattr(cli, "app", refused)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == kind.exit_code
    assert f"/somewhere/clip.mp4: {os.strerror(number)}" in capsys.readouterr().err


def test_init_then_doctor_are_content_and_may_be_repeated(tmp_path: Path) -> None:
    for _ in range(2):
        assert herdbook("init", home=tmp_path).returncode == 0
        done = herdbook("doctor", home=tmp_path)
        assert done.returncode == 0, done.stdout


def test_an_interruption_is_said_and_has_the_shells_code(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "herdbook", "simulate", "farm", str(tmp_path / "farm"), "--days", "3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "farm" / "farm.yaml").is_file() and process.poll() is None:
        time.sleep(0.1)
    for _ in range(5):  # Python drops an interrupt that falls into a destructor or callback; people press again, too
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=15)
            break
        except subprocess.TimeoutExpired:
            continue
    assert process.returncode in (130, -signal.SIGINT)  # a shell shows 130 for both
    assert "Interrupted" in said
    assert "Traceback" not in said
