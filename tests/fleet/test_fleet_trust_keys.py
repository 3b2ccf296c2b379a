"""Keys: who signs, how they are kept, and how each is replaced while devices go on."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from herdbook.errors import ConfigurationError, UntrustedMetadataError
from herdbook.fleet.trust import ceremony, commit, upkeep
from herdbook.fleet.trust.keys import OfflineKeys, find_online
from herdbook.fleet.trust.roles import ONLINE, ROLES
from herdbook.fleet.trust.store import read_state
from herdbook.settings import Settings
from support.trust import PASSPHRASE, Platform


def test_online_keys_are_their_owners_alone_and_offline_keys_are_encrypted(platform: Platform) -> None:
    online = sorted(platform.settings.online_keys.iterdir())
    assert {path.name.partition("-")[0] for path in online} == set(ONLINE)
    assert {stat.S_IMODE(path.stat().st_mode) for path in online} == {0o600}
    offline = sorted(platform.stick.iterdir())
    assert [path.name.partition("-")[0] for path in offline] == ["root", "root", "root", "targets"]
    assert all(b"ENCRYPTED" in path.read_bytes() for path in offline)
    private = {path.read_bytes() for path in (*online, *offline)}
    served = {path.read_bytes() for path in platform.repository.rglob("*") if path.is_file()}
    assert not private & served


def test_an_online_key_that_others_can_read_is_not_used(platform: Platform) -> None:
    path = next(platform.settings.online_keys.glob("timestamp-*"))
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="can be read by others"):
        upkeep.refresh(platform.settings)


def test_a_wrong_passphrase_is_said_and_never_shown(platform: Platform) -> None:
    wrong = OfflineKeys((platform.stick,), b"wrong horse battery")
    with pytest.raises(ConfigurationError, match="passphrase is wrong") as caught:
        ceremony.renew(platform.settings, wrong)
    assert "horse" not in caught.value.message + repr(wrong)


def test_a_second_ceremony_is_refused(platform: Platform) -> None:
    with pytest.raises(ConfigurationError, match="there already"):
        ceremony.init(platform.settings, platform.offline)


@pytest.mark.parametrize(("keys", "threshold"), [(2, 3), (1, 0)])
def test_a_threshold_that_nobody_can_meet_is_refused(tmp_path: Path, keys: int, threshold: int) -> None:
    with pytest.raises(ConfigurationError, match="cannot sign"):
        ceremony.init(
            Settings(home=tmp_path), OfflineKeys((tmp_path,), PASSPHRASE), root_keys=keys, threshold=threshold
        )


@pytest.mark.parametrize("role", ROLES)
def test_devices_follow_a_rotation(platform: Platform, tmp_path: Path, role: str) -> None:
    installer = platform.device(tmp_path / "device")
    installer.fetch(installer.look())
    before = read_state(platform.settings).signed_by(role)
    new = ceremony.rotate(platform.settings, role, platform.offline)
    after = read_state(platform.settings).signed_by(role)
    assert sorted(after) == sorted(new)
    assert not set(before) & set(after)
    platform.publish("compact-2")
    platform.assign(platform.assignment("compact-2"))
    assert installer.fetch(installer.look()).name.startswith("compact-2-")
    fresh = platform.device(tmp_path / "another")
    assert fresh.look().release_id == "compact-2"
    if role in ONLINE:
        assert len(list(platform.settings.online_keys.glob(f"{role}-*"))) == 1, "the old key is gone"
        assert find_online(platform.settings, role, after)


def test_a_lost_root_key_is_replaced_with_the_other_two(platform: Platform, tmp_path: Path) -> None:
    installer = platform.device(tmp_path / "device")
    held = read_state(platform.settings).signed_by("root")
    lost = held[0]
    next(platform.stick.glob(f"root-{lost[:12]}*")).unlink()
    ceremony.rotate(platform.settings, "root", platform.offline, [lost[:8]])
    after = read_state(platform.settings).signed_by("root")
    assert set(held) - set(after) == {lost}
    assert len(after) == 3
    installer.look()
    with pytest.raises(ConfigurationError, match="the keys of root are"):
        ceremony.rotate(platform.settings, "root", platform.offline, ["nobody"])


def test_one_root_key_alone_signs_nothing(platform: Platform) -> None:
    for path in sorted(platform.stick.glob("root-*"))[:2]:
        path.unlink()
    before = read_state(platform.settings).root.signed.version
    for attempt in ("root", "timestamp"):
        with pytest.raises(ConfigurationError, match="more of the root keys"):
            ceremony.rotate(platform.settings, attempt, platform.offline)
    with pytest.raises(ConfigurationError, match="more of the root keys"):
        ceremony.renew(platform.settings, platform.offline)
    assert read_state(platform.settings).root.signed.version == before
    upkeep.refresh(platform.settings)


def test_an_online_key_that_is_gone_is_said_and_replaced(platform: Platform, tmp_path: Path) -> None:
    installer = platform.device(tmp_path / "device")
    next(platform.settings.online_keys.glob("assignments-*")).unlink()
    with pytest.raises(ConfigurationError, match="they are not here") as caught:
        platform.assign()
    assert "fleet trust rotate" in caught.value.remedy
    ceremony.rotate(platform.settings, "assignments", platform.offline)
    platform.assign()
    assert installer.look().number == 2


def test_offline_keys_lie_on_several_sticks(tmp_path: Path) -> None:
    sticks = tuple(tmp_path / name for name in ("a", "b", "c"))
    for stick in sticks:
        stick.mkdir()
    settings = Settings(home=tmp_path / "home")
    ceremony.init(settings, OfflineKeys(sticks, PASSPHRASE))
    assert [len(list(stick.glob("root-*"))) for stick in sticks] == [1, 1, 1]
    ceremony.renew(settings, OfflineKeys(sticks[:2], PASSPHRASE))
    with pytest.raises(ConfigurationError, match="is not there"):
        ceremony.init(Settings(home=tmp_path / "new"), OfflineKeys((tmp_path / "nowhere",), PASSPHRASE))


class PowerCutError(Exception):
    """The machine is gone."""


@pytest.mark.slow
@pytest.mark.parametrize("what", ["publish", "assign", "rotate timestamp", "rotate targets", "rotate assignments"])
def test_a_crash_at_any_write_leaves_a_valid_repository(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    installer = platform.device(tmp_path / "device")
    installer.look()
    genuine = commit.write_durably
    crashes = 0
    done = False
    while not done:
        budget = crashes

        def write(path: Path, content: bytes) -> None:
            nonlocal budget
            if budget == 0:
                raise PowerCutError
            budget -= 1
            genuine(path, content)

        monkeypatch.setattr(commit, "write_durably", write)
        try:
            if what == "publish":
                platform.publish(f"compact-{crashes + 2}")
            elif what == "assign":
                platform.assign()
            else:
                ceremony.rotate(platform.settings, what.removeprefix("rotate "), platform.offline)
            done = True
        except PowerCutError:
            crashes += 1
        monkeypatch.setattr(commit, "write_durably", genuine)
        found = installer.look()
        assert found.release_id == "compact-1"
        assert platform.device(tmp_path / f"new-{crashes}").look() == found
        upkeep.refresh(platform.settings)
        assert installer.look() == found
    assert crashes >= 3, "snapshot, timestamp, and what was to be published"


def test_a_repository_of_other_keys_is_not_believed(platform: Platform, tmp_path: Path) -> None:
    installer = platform.device(tmp_path / "device")
    stranger = Platform(Settings(home=tmp_path / "other"), platform.stick, platform.server)
    ceremony.init(stranger.settings, stranger.offline)
    stranger.publish()
    stranger.assign()
    platform.server.point_at(stranger.repository)
    with pytest.raises(UntrustedMetadataError):
        installer.look()
