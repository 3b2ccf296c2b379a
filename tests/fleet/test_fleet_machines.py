"""The machine behind a device: read over its real agent, kept when it changes, swapped for another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from herdbook.cli import main
from herdbook.contracts.hardware import Hardware
from herdbook.edge.hardware import read_hardware
from herdbook.edge.init import TOKEN_NAME
from herdbook.errors import ConfigurationError, DeviceProtocolError, DeviceUnreachableError, NotFoundError
from herdbook.fleet.inventory import enrol, retire
from herdbook.fleet.machines import ask_hardware, note_hardware, replace
from herdbook.ledger.devices import find_device, read_token, token_path
from herdbook.ledger.hardware import hardware_history, hardware_of
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import DeviceHardware
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings, get_settings
from support.agents import make_device, serving

TOKEN = "0123456789abcdef0123456789abcdef"
NX = Hardware(sku="orin-nx-16", memory_mib=16384, serial="1", jetpack="6.2", tensorrt="10.3.0.30", cuda="12.6.11")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home")
    upgrade(settings)
    enrol(settings, "barn-1", farm_id="farm-1", url="http://127.0.0.1:9", timezone="UTC", token=TOKEN)
    return settings


def history(settings: Settings) -> list[DeviceHardware]:
    with ledger_session(settings) as session:
        return hardware_history(session, "barn-1")


def present(settings: Settings) -> Hardware | None:
    with ledger_session(settings) as session:
        return hardware_of(session, "barn-1")


def test_a_machine_is_entered_once(settings: Settings) -> None:
    assert present(settings) is None
    note_hardware(settings, "barn-1", NX)
    note_hardware(settings, "barn-1", NX)
    assert present(settings) == NX
    assert len(history(settings)) == 1


def test_an_upgrade_of_its_software_begins_a_new_row(settings: Settings) -> None:
    note_hardware(settings, "barn-1", NX)
    newer = NX.model_copy(update={"jetpack": "6.2.1"})
    note_hardware(settings, "barn-1", newer)
    first, second = history(settings)
    assert first.valid_to is not None
    assert first.valid_to <= second.valid_from
    assert (first.jetpack, second.jetpack, second.valid_to) == ("6.2", "6.2.1", None)
    assert present(settings) == newer


def test_another_board_is_not_taken_for_the_device_unless_somebody_says_so(settings: Settings) -> None:
    note_hardware(settings, "barn-1", NX)
    other = NX.model_copy(update={"serial": "2"})
    with pytest.raises(ConfigurationError, match="board 2, but board 1") as caught:
        note_hardware(settings, "barn-1", other)
    assert "fleet replace" in caught.value.remedy
    replace(settings, "barn-1", token=TOKEN[::-1], url="http://127.0.0.1:10")
    assert present(settings) is None
    note_hardware(settings, "barn-1", other)
    assert [row.serial for row in history(settings)] == ["1", "2"]
    assert read_token(settings, "barn-1") == TOKEN[::-1]
    assert find_device(settings, "barn-1").url == "http://127.0.0.1:10"


def test_the_old_machines_token_is_not_given_to_the_new_one(settings: Settings) -> None:
    note_hardware(settings, "barn-1", NX)
    with pytest.raises(ConfigurationError, match="this token already"):
        replace(settings, "barn-1", token=TOKEN)
    assert present(settings) == NX
    with pytest.raises(NotFoundError):
        replace(settings, "barn-2", token=TOKEN[::-1])


def test_a_retired_device_has_no_machine_and_keeps_its_history(settings: Settings) -> None:
    note_hardware(settings, "barn-1", NX)
    retire(settings, "barn-1")
    assert present(settings) is None
    assert [row.valid_to is not None for row in history(settings)] == [True]


def test_a_device_that_does_not_answer(settings: Settings) -> None:
    with pytest.raises(DeviceUnreachableError) as caught:
        ask_hardware(settings, "barn-1")
    assert TOKEN not in caught.value.message


@pytest.mark.slow
def test_enrolled_and_replaced_over_the_real_agent(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HERDBOOK_HOME", str(settings.home))
    get_settings.cache_clear()
    herdbook = runner(monkeypatch, capsys)
    root = make_device(tmp_path / "barn-2", "barn-2", [])
    with serving(settings, root) as url:
        assert ask_hardware(settings, "barn-2") == read_hardware()
        enrolled = json.loads(herdbook("fleet", "enrol", "barn-2", "--json"))
        assert enrolled["hardware"]["sku"] == "cpu"
        (rows,) = json.loads(herdbook("fleet", "hardware", "barn-2", "--json"))
        assert (rows["number"], rows["valid_to"]) == (1, None)
        enrol(settings, "barn-1", url=url)
        token_path(settings, "barn-1").write_text((root / TOKEN_NAME).read_text())
        with pytest.raises(DeviceProtocolError, match="says it is 'barn-2'"):
            ask_hardware(settings, "barn-1")
    get_settings.cache_clear()


def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["herdbook", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code in (None, 0), said.err
        return said.out

    return run
