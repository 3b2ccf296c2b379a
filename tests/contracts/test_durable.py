"""A durable write is there whole or not at all, and a full disk is said in one sentence."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from herdbook.contracts.durable import disk_full_is_said, make_folder, write_durably
from herdbook.errors import DiskFullError


def test_a_write_replaces_the_whole_content_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_durably(path, b"old and long")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "token"
    write_durably(path, b"s", mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_write_that_fails_keeps_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_durably(path, b"old")
    with pytest.raises(TypeError):
        write_durably(path, object())  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named(tmp_path: Path, code: int) -> None:
    with (
        pytest.raises(DiskFullError, match=r"no space left for .*somewhere"),
        disk_full_is_said(tmp_path / "somewhere"),
    ):
        raise OSError(code, "full")


def test_a_folder_is_made_with_its_parents_each_flushed_into_the_one_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr("herdbook.contracts.durable.fsync_path", flushed.append)
    assert make_folder(tmp_path / "days" / "2026-06-01").is_dir()
    assert flushed == [tmp_path, tmp_path / "days"]
    make_folder(tmp_path / "days" / "2026-06-01")
    assert len(flushed) == 2
