"""How a device's token is replaced: who holds one that still opens it is let in, and nobody is shut out half-way."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from herdbook.edge.keyring import Keyring
from herdbook.errors import ConfigurationError

OLD, NEW, NEWEST = (name * 10 for name in ("old-token-", "new-token-", "newest-tok-"))
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Clock:
    now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(OLD + "\n")
    return path


def opens(path: Path, clock: Clock, *tokens: str) -> list[bool]:
    """What opens an agent that was just started, whatever another one before it held in memory."""
    keys = Keyring.of(path, clock)
    return [keys.admits(token.encode()) for token in tokens]


def test_both_open_it_for_the_overlap_and_then_the_new_one_alone(path: Path, clock: Clock) -> None:
    keys = Keyring.of(path, clock)
    assert keys.replace(OLD.encode(), NEW, 3600)
    clock.now += timedelta(days=30)
    assert opens(path, clock, OLD), "nobody has used the new one yet: the platform may not know it"
    assert keys.admits(NEW.encode())
    clock.now += timedelta(minutes=59)
    assert opens(path, clock, OLD, NEW) == [True, True]
    clock.now += timedelta(minutes=1)
    assert [keys.admits(token.encode()) for token in (OLD, NEW)] == [False, True]
    assert path.read_text().strip() == NEW
    assert opens(path, clock, OLD, NEW) == [False, True]
    assert [entry.name for entry in path.parent.iterdir()] == ["token"]


def test_the_files_are_their_owners_alone(path: Path, clock: Clock) -> None:
    Keyring.of(path, clock).replace(OLD.encode(), NEW, 0)
    beside = path.with_name("token.next")
    assert stat.S_IMODE(beside.stat().st_mode) == 0o600
    opens(path, clock, NEW)
    opens(path, clock, NEW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().strip() == NEW
    Keyring.of(path, clock).replace(NEW.encode(), NEWEST, 0)
    beside.chmod(0o644)
    with pytest.raises(ConfigurationError, match="read by others"):
        Keyring.of(path, clock)


def test_a_leaked_token_cannot_take_over_once_it_was_replaced(path: Path, clock: Clock) -> None:
    keys = Keyring.of(path, clock)
    keys.replace(OLD.encode(), NEW, 3600)
    keys.admits(NEW.encode())
    assert not keys.replace(OLD.encode(), NEWEST, 0), "it still reads for an hour, and that is all"
    assert keys.replace(NEW.encode(), NEWEST, 3600)
    assert opens(path, clock, OLD, NEW, NEWEST) == [False, True, True]


def test_said_twice_it_is_one_rotation(path: Path, clock: Clock) -> None:
    keys = Keyring.of(path, clock)
    assert keys.replace(OLD.encode(), NEW, 60)
    assert keys.admits(NEW.encode())
    clock.now += timedelta(seconds=59)
    assert keys.replace(OLD.encode(), NEW, 60)
    clock.now += timedelta(seconds=1)
    assert not keys.admits(OLD.encode())


def test_one_that_was_never_used_gives_way(path: Path, clock: Clock) -> None:
    keys = Keyring.of(path, clock)
    keys.replace(OLD.encode(), NEW, 60)
    keys.replace(OLD.encode(), NEWEST, 60)
    assert opens(path, clock, OLD, NEW, NEWEST) == [True, False, True]


def test_a_disk_that_cannot_be_written_shuts_nobody_out(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Keyring.of(path, clock)
    keys.replace(OLD.encode(), NEW, 60)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("herdbook.edge.keyring.write_durably", full)
    assert keys.admits(NEW.encode())
    clock.now += timedelta(minutes=2)
    assert [keys.admits(token.encode()) for token in (OLD, NEW)] == [False, True]
    with pytest.raises(OSError, match="No space"):
        keys.replace(NEW.encode(), NEWEST, 60)
    assert not keys.admits(NEWEST.encode())


def test_a_file_that_is_none_is_said(path: Path, clock: Clock) -> None:
    beside = path.with_name("token.next")
    beside.touch(0o600)
    beside.write_text("{")
    with pytest.raises(ConfigurationError, match=r"token\.next cannot be read"):
        Keyring.of(path, clock)
