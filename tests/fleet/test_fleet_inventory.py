"""Enrolling devices: what is believed, what is kept, and where the secret lies."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from herdbook.cli import main
from herdbook.errors import ConfigurationError, NotFoundError, NotInitialisedError
from herdbook.fleet.inventory import enrol, retire, status
from herdbook.ledger.columns import utc_now
from herdbook.ledger.days import set_day
from herdbook.ledger.devices import active_devices, find_device, read_token, token_path
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import Attempt, DayState
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings, get_settings

TOKEN = "0123456789abcdef0123456789abcdef"
Herdbook = Callable[..., tuple[int, str, str]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home")
    upgrade(settings)
    return settings


def add(settings: Settings, device_id: str = "barn-a-1", **more: object) -> None:
    given = {"farm_id": "demo-farm", "url": "https://barn-a-1:8750", "timezone": "Europe/London", "token": TOKEN}
    enrol(settings, device_id, **(given | more))  # type: ignore[arg-type]


def test_an_enrolled_device_is_in_service(settings: Settings) -> None:
    add(settings)
    device = find_device(settings, "barn-a-1")
    assert (device.farm_id, device.url, device.timezone) == ("demo-farm", "https://barn-a-1:8750", "Europe/London")
    assert [d.device_id for d in active_devices(settings)] == ["barn-a-1"]
    assert read_token(settings, "barn-a-1") == TOKEN


def test_the_token_is_a_file_that_only_its_owner_reads_and_nowhere_else(settings: Settings) -> None:
    add(settings)
    path = token_path(settings, "barn-a-1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    others = [p for p in settings.home.rglob("*") if p.is_file() and p != path]
    assert others
    assert not any(TOKEN.encode() in p.read_bytes() for p in others)


def test_what_is_not_given_again_stays(settings: Settings) -> None:
    add(settings)
    enrol(settings, "barn-a-1", url="https://elsewhere:8750/")
    enrol(settings, "barn-a-1", token=TOKEN[::-1])
    device = find_device(settings, "barn-a-1")
    assert (device.farm_id, device.url) == ("demo-farm", "https://elsewhere:8750")
    assert read_token(settings, "barn-a-1") == TOKEN[::-1]


def test_a_new_device_needs_everything(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="--timezone, --token-file missing"):
        enrol(settings, "barn-a-1", farm_id="demo-farm", url="https://barn-a-1")
    assert not token_path(settings, "barn-a-1").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("farm_id", "../farm"),
        ("farm_id", "Demo Farm"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../../etc/passwd"),
        ("url", "barn-a-1:8750"),
        ("url", "file:///etc/passwd"),
        ("url", "https://user:hunter2@barn-a-1"),
        ("url", "https://barn-a-1/?token=x"),
        ("url", "https://barn-a-1:99999"),
        ("url", "https://"),
        ("url", "http://a..b:80"),
        ("url", "http://xn--:80"),
        ("url", "http://xn--a:80"),
        ("url", f"http://{'a' * 300}:80"),
        ("url", "http://" + ".".join(["a" * 60] * 5)),
        ("url", "http://[::1"),
        ("url", "http://ex ample"),
        ("url", "http://a\nb"),
        ("url", "http://."),
        ("url", "http://barn:eight"),
        ("url", "https://user:hunter2@[::1"),
        ("timezone", "Europe"),
        ("timezone", "E" * 300),
        ("token", "short"),
        ("token", "x" * 31),
        ("token", "x" * 513),
        ("token", "two words that are long enough to pass"),
        ("token", "ü" * 40),
        ("ca_file", Path("nowhere.pem")),
    ],
)
def test_what_cannot_be_used_is_refused_and_changes_nothing(settings: Settings, field: str, value: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        add(settings, **{field: value})
    assert "hunter2" not in caught.value.message
    assert active_devices(settings) == []
    assert not token_path(settings, "barn-a-1").exists()


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1", "https://[::1]:8750", "https://barn_a-1.example:8443/agent", "https://müller.example",
     "https://xn--mller-kva.example"],
)  # fmt: skip
def test_addresses_of_every_kind_are_taken(settings: Settings, url: str) -> None:
    add(settings, url=url)
    assert find_device(settings, "barn-a-1").url == url


@pytest.mark.parametrize("name", ["../barn", "Barn", "", "a/b", "x" * 64])
def test_a_device_has_a_plain_name(settings: Settings, name: str) -> None:
    with pytest.raises(ConfigurationError):
        add(settings, name)
    assert not (settings.home / "secrets").exists()


def test_a_retired_device_keeps_its_history_and_may_come_back(settings: Settings) -> None:
    add(settings)
    with ledger_session(settings) as session:
        key = ("barn-a-1", date(2026, 3, 2), 1)
        set_day(session, key, sha256="0" * 64, final=True, state=DayState.LOADED)
    retire(settings, "barn-a-1")
    assert active_devices(settings) == []
    assert not token_path(settings, "barn-a-1").exists()
    (row,) = status(settings)
    assert (row.state, row.last_loaded) == ("retired", date(2026, 3, 2))
    with pytest.raises(NotFoundError, match="retired"):
        find_device(settings, "barn-a-1")
    with pytest.raises(ConfigurationError, match="has no token here: --token-file missing"):
        enrol(settings, "barn-a-1")
    assert active_devices(settings) == []
    enrol(settings, "barn-a-1", token=TOKEN)
    assert [d.device_id for d in active_devices(settings)] == ["barn-a-1"]


def test_status_tells_the_last_day_of_each_kind_and_the_last_attempt(settings: Settings) -> None:
    add(settings)
    add(settings, "barn-a-2", token=TOKEN[::-1])
    assert [row.state for row in status(settings)] == ["new", "new"]
    with ledger_session(settings) as session:
        for day, state in ((1, DayState.LOADED), (2, DayState.LANDED), (3, DayState.QUARANTINED)):
            set_day(session, ("barn-a-1", date(2026, 3, day), 1), sha256="0" * 64, final=True, state=state)
        now = utc_now()
        for code, error in ((0, None), (21, "DeviceUnreachableError")):
            session.add(Attempt(device_id="barn-a-1", started_at=now, ended_at=now, exit_code=code, error=error))
            session.flush()
    row = status(settings)[0]
    assert (row.last_loaded, row.last_landed) == (date(2026, 3, 1), date(2026, 3, 2))
    assert row.state == "DeviceUnreachableError"


def test_without_a_ledger_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotInitialisedError):
        add(Settings(home=tmp_path))


@pytest.fixture
def herdbook(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Herdbook:
    """The command line in this process: exit code, stdout, stderr."""
    monkeypatch.setenv("HERDBOOK_HOME", str(settings.home))

    def run(*arguments: str) -> tuple[int, str, str]:
        get_settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["herdbook", "fleet", *arguments])
        with pytest.raises(SystemExit) as exit_:
            main()
        get_settings.cache_clear()
        said = capsys.readouterr()
        return int(exit_.value.code or 0), said.out, said.err

    return run


def test_the_command_line(herdbook: Herdbook, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    site = ("--farm", "demo-farm", "--url", "http://localhost:8750", "--timezone", "UTC")
    code, _, said = herdbook("enrol", "barn-a-1", *site, "--token-file", str(token))
    assert code == 0
    assert "unencrypted" in said
    assert TOKEN not in said
    code, out, _ = herdbook("status", "--json")
    assert code == 0
    assert json.loads(out) == [
        {
            "device": "barn-a-1",
            "farm": "demo-farm",
            "url": "http://localhost:8750",
            "last_landed": None,
            "last_loaded": None,
            "state": "new",
            "sku": None,
            "desired": None,
            "actual": None,
            "certificate": "",
            "serving": None,
            "pinned": None,
            "last_seen": None,
        }
    ]
    assert herdbook("retire", "barn-a-1")[0] == 0
    assert herdbook("retire", "nobody")[0] == 12
    assert herdbook("enrol", "barn-a-2")[0] == 11
