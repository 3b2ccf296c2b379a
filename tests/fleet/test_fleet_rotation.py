"""New tokens for devices over their real agents: no night is shut out, the old one dies, nobody's opens another's."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import httpx
import pytest

from herdbook.errors import ConfigurationError, CredentialError, DeviceAuthenticationError, DeviceUnreachableError
from herdbook.fleet import rotation
from herdbook.fleet.inventory import enrol, retire
from herdbook.ingest.night import ingest_device
from herdbook.ingest.pull import open_agent
from herdbook.ledger.devices import find_device, next_token_path, read_token, token_path
from herdbook.ledger.migrate import upgrade
from herdbook.settings import Settings
from support.agents import make_device, serving

DAYS = [date(2026, 3, 2), date(2026, 3, 3)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home")
    upgrade(settings)
    return settings


def status(url: str, token: str) -> int:
    return httpx.get(f"{url}/v1/days", headers={"Authorization": f"Bearer {token}"}, trust_env=False).status_code


@pytest.mark.slow
def test_a_night_that_began_with_the_old_token_ends_with_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_device(tmp_path / "barn-1", "barn-1", DAYS)
    with serving(settings, root) as url:
        old = read_token(settings, "barn-1")
        with open_agent(settings, find_device(settings, "barn-1")) as night:
            rotation.rotate(settings, "barn-1", overlap_s=3)
            assert len(night.days()) == 2, "the old one, still"
        new = read_token(settings, "barn-1")
        assert new != old
        assert not next_token_path(settings, "barn-1").exists()
        assert ingest_device(settings, "barn-1", DAYS[-1])[0].state.value == "landed"
        deadline = time.monotonic() + 60
        while status(url, old) == 200 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert (status(url, old), status(url, new)) == (401, 200)

        # The platform dies right after the device confirmed: the same command goes on.
        def die(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(rotation, "replace_durably", die)
            with pytest.raises(KeyboardInterrupt):
                rotation.rotate(settings, "barn-1", overlap_s=0)
        waiting = next_token_path(settings, "barn-1").read_text().strip()
        assert read_token(settings, "barn-1") == new
        assert (status(url, new), status(url, waiting)) == (200, 200)
        assert status(url, new) == 401, "the waiting one was used, and no overlap was asked for"
        rotation.rotate(settings, "barn-1", overlap_s=0)
        assert read_token(settings, "barn-1") == waiting
        monkeypatch.setattr(rotation, "_PATH", "/v1/no-such")  # the software of a device that was not upgraded yet
        with pytest.raises(CredentialError, match="404"):
            rotation.rotate(settings, "barn-1")
        monkeypatch.undo()
        assert read_token(settings, "barn-1") == waiting
    with pytest.raises(DeviceUnreachableError):
        rotation.rotate(settings, "barn-1")
    assert read_token(settings, "barn-1") == waiting, "a device that is off keeps the token that it knows"


@pytest.mark.slow
def test_one_devices_token_opens_nothing_of_anothers(settings: Settings, tmp_path: Path) -> None:
    first, second = (make_device(tmp_path / name, name, DAYS[:1]) for name in ("barn-1", "barn-2"))
    with serving(settings, first) as url, serving(settings, second) as other:
        tokens = [read_token(settings, name) for name in ("barn-1", "barn-2")]
        assert [[status(where, token) for token in tokens] for where in (url, other)] == [[200, 401], [401, 200]]
        for method, path in (("PUT", "/v1/token"), ("POST", "/v1/certificate/request"), ("PUT", "/v1/certificate")):
            wrong = httpx.request(method, url + path, headers={"Authorization": f"Bearer {tokens[1]}"}, trust_env=False)
            assert wrong.status_code == 401
        with pytest.raises(ConfigurationError, match="token of 'barn-1'"):
            enrol(settings, "barn-2", token=tokens[0])
        enrol(settings, "barn-2", url=url)
        with pytest.raises(DeviceAuthenticationError):
            rotation.rotate(settings, "barn-2")
        assert read_token(settings, "barn-2") == tokens[1]


def test_tokens_have_an_age_and_go_with_their_device(settings: Settings) -> None:
    enrol(settings, "barn-1", farm_id="f", url="http://127.0.0.1:9", timezone="UTC", token="x" * 32)
    assert rotation.older_than(settings, 1) == []
    assert rotation.older_than(settings, 0) == ["barn-1"]
    with pytest.raises(DeviceUnreachableError):
        rotation.rotate(settings, "barn-1")
    assert next_token_path(settings, "barn-1").exists()
    retire(settings, "barn-1")
    assert not next_token_path(settings, "barn-1").exists()
    assert not token_path(settings, "barn-1").exists()
