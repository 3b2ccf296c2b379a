"""Whoever stands between platform and device can withhold, not alter: nothing unsigned is ever installed.

After each attack what was installed is still there, whole, and the release folder holds nothing else.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tuf.api.metadata import Metadata

from herdbook.contracts.assignment import assignment_target
from herdbook.edge.install.seen import SEEN_NAME
from herdbook.errors import (
    HerdbookError,
    MetadataExpiredError,
    MetadataReplayedError,
    RepositoryUnreachableError,
    StorageError,
    TargetMismatchError,
    UntrustedMetadataError,
)
from herdbook.fleet.trust import ceremony, upkeep
from herdbook.fleet.trust.keys import find_online
from herdbook.fleet.trust.roles import bin_of
from herdbook.fleet.trust.store import read_state
from support.trust import Platform

STUDENT = "student.fp32.onnx"


class Barn:
    """A device with ``compact-1`` installed, and ``compact-2`` assigned."""

    def __init__(self, platform: Platform, root: Path) -> None:
        self.platform, self.root = platform, root
        self.installer = platform.device(root)
        self.folder = self.installer.fetch(self.installer.look())
        self.before = self.content()
        self.earlier = root.parent / "earlier"
        shutil.copytree(platform.repository, self.earlier)
        platform.publish("compact-2")
        platform.assign(platform.assignment("compact-2"))

    def content(self) -> dict[str, bytes]:
        releases = self.root / "releases"
        return {str(p.relative_to(releases)): p.read_bytes() for p in releases.rglob("*") if p.is_file()}

    def install(self) -> Path:
        return self.installer.fetch(self.installer.look())

    @property
    def metadata(self) -> Path:
        return self.platform.repository / "metadata"

    @contextmanager
    def refuses(self, *errors: type[HerdbookError]) -> Iterator[None]:
        """The installation is refused so, and leaves what there was."""
        with pytest.raises(errors) as caught:
            yield
        assert caught.value.remedy.endswith(".")
        signed = {p.read_bytes() for p in (self.platform.made / "compact-2").iterdir()}
        after = self.content()
        assert self.before.items() <= after.items(), "what was installed is still there"
        assert {content for name, content in after.items() if name not in self.before} <= signed
        assert not list((self.root / "releases").glob("compact-2-*")), "the new release has not appeared"


@pytest.fixture
def barn(platform: Platform, tmp_path: Path) -> Barn:
    return Barn(platform, tmp_path / "device")


def test_without_an_attack_it_is_installed(barn: Barn) -> None:
    assert barn.install().name.startswith("compact-2-")


@pytest.mark.parametrize(
    "tamper",
    [
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: content[:50],
        lambda content: content + b"x",
        lambda content: b"",
        lambda content: bytes(len(content)),
    ],
    ids=["a bit", "truncated", "longer", "empty", "zeros"],
)
def test_a_file_that_was_tampered_with(barn: Barn, tamper: Callable[[bytes], bytes]) -> None:
    target = barn.platform.target(f"releases/compact-2/{STUDENT}")
    genuine = target.read_bytes()
    target.write_bytes(tamper(genuine))
    with barn.refuses(TargetMismatchError, RepositoryUnreachableError):
        barn.install()
    target.write_bytes(genuine)
    assert (barn.install() / STUDENT).read_bytes() == genuine


def test_a_part_that_a_power_cut_spoiled_is_fetched_anew(barn: Barn) -> None:
    digest = barn.platform.target(f"releases/compact-2/{STUDENT}").name.partition(".")[0]
    parts = barn.root / "trust" / "parts"
    parts.mkdir(exist_ok=True)
    (parts / digest).write_bytes(bytes(60))
    assert (barn.install() / STUDENT).read_bytes() == (barn.platform.made / "compact-2" / STUDENT).read_bytes()


def test_an_assignment_that_was_tampered_with(barn: Barn) -> None:
    path = barn.platform.assignment_file()
    path.write_bytes(path.read_bytes().replace(b"compact-2", b"compact-9"))
    with barn.refuses(TargetMismatchError):
        barn.install()


def test_another_devices_assignment_is_refused(barn: Barn) -> None:
    theirs = barn.platform.assignment("compact-2", "barn-2")
    barn.platform.assign(theirs)
    with barn.refuses(UntrustedMetadataError):
        barn.installer.fetch(theirs)


def signed_anew(barn: Barn, role: str, key_of: str, change: Callable[[Metadata], object] = lambda found: None) -> None:
    """A role's present metadata, changed and signed by another role's keys, in place."""
    state = read_state(barn.platform.settings)
    version = state.metadata(role).signed.version
    path = barn.metadata / ("timestamp.json" if role == "timestamp" else f"{version}.{role}.json")
    found: Metadata = Metadata.from_file(str(path))
    change(found)
    found.signatures.clear()
    for signer in find_online(barn.platform.settings, key_of, state.signed_by(key_of)):
        found.sign(signer, append=True)
    found.to_file(str(path))


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "releases", bin_of(assignment_target("barn-1"))])
def test_another_roles_key_signs_nothing(barn: Barn, role: str) -> None:
    signed_anew(barn, role, "releases" if role != "releases" else "assignments")
    with barn.refuses(UntrustedMetadataError):
        barn.install()


def test_a_key_that_was_revoked_signs_nothing(barn: Barn, tmp_path: Path) -> None:
    platform = barn.platform
    stolen = tmp_path / "stolen"
    shutil.copytree(platform.settings.online_keys, stolen)
    thief = Platform(platform.settings.model_copy(update={"trust_keys": stolen}), platform.stick, platform.server)
    old = read_state(thief.settings).signed_by("timestamp")
    ceremony.rotate(platform.settings, "timestamp", platform.offline)
    path = barn.metadata / "timestamp.json"
    found: Metadata = Metadata.from_file(str(path))
    found.signed.version += 1
    found.sign(find_online(thief.settings, "timestamp", old)[0])
    found.to_file(str(path))
    with barn.refuses(UntrustedMetadataError):
        barn.install()


def test_a_thief_of_the_releases_key_cannot_assign(barn: Barn) -> None:
    """Delegated roles sign their own paths only."""

    def assign(found: Metadata) -> None:
        state = read_state(barn.platform.settings)
        path = assignment_target("barn-1")
        found.signed.targets[path] = state.assigned(path)

    signed_anew(barn, "releases", "releases", assign)
    with barn.refuses(UntrustedMetadataError):  # the snapshot names the genuine one
        barn.install()


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "releases"])
def test_expired_metadata_installs_nothing_and_stops_nothing(barn: Barn, role: str) -> None:
    settings = barn.platform.settings
    field = {"releases": "trust_roles_days"}.get(role, f"trust_{role}_days")
    brief = settings.model_copy(update={field: 1e-9})
    barn.platform.settings = brief
    barn.platform.publish("compact-3")
    barn.platform.settings = settings
    with barn.refuses(MetadataExpiredError):
        barn.install()
    upkeep.refresh(settings)
    assert barn.install().is_dir()


def test_a_root_that_expired_installs_nothing(barn: Barn) -> None:
    brief = barn.platform.settings.model_copy(update={"trust_offline_days": 1e-9})
    ceremony.renew(brief, barn.platform.offline)
    with barn.refuses(MetadataExpiredError):
        barn.install()
    with pytest.raises(MetadataExpiredError, match="root and targets"):
        upkeep.refresh(barn.platform.settings)
    ceremony.renew(barn.platform.settings, barn.platform.offline)
    assert barn.install().is_dir()


def test_an_old_repository_is_not_shown_as_new(barn: Barn) -> None:
    barn.installer.look()
    barn.platform.server.point_at(barn.earlier)
    with barn.refuses(MetadataReplayedError):
        barn.install()


def test_an_old_repository_is_not_shown_as_new_to_a_device_that_lost_its_metadata(barn: Barn) -> None:
    """A power cut may take what python-tuf did not flush."""
    barn.installer.look()
    (barn.root / "trust" / "metadata" / "timestamp.json").write_bytes(b"")
    (barn.root / "trust" / "metadata" / "snapshot.json").unlink()
    barn.platform.server.point_at(barn.earlier)
    with barn.refuses(MetadataReplayedError):
        barn.install()


def test_an_old_assignment_is_not_taken_up_again(barn: Barn) -> None:
    old = barn.platform.assignment("compact-1", number=1)
    barn.installer.look()
    with barn.refuses(MetadataReplayedError):
        barn.installer.fetch(old)


def test_a_damaged_memory_is_said(barn: Barn) -> None:
    (barn.root / "trust" / SEEN_NAME).write_bytes(b"")
    with barn.refuses(StorageError):
        barn.install()


def test_metadata_of_two_states_is_not_mixed(barn: Barn) -> None:
    state = read_state(barn.platform.settings)
    old = max(barn.earlier.glob("metadata/*.snapshot.json"), key=lambda path: int(path.name.partition(".")[0]))
    shutil.copy(old, barn.metadata / f"{state.snapshot.signed.version}.snapshot.json")
    with barn.refuses(UntrustedMetadataError):
        barn.install()


def test_delegated_metadata_of_another_state_is_not_mixed_in(barn: Barn) -> None:
    state = read_state(barn.platform.settings)
    name = f"{state.releases.signed.version}.releases.json"
    old = f"{state.releases.signed.version - 1}.releases.json"
    shutil.copy(barn.earlier / "metadata" / old, barn.metadata / name)
    with barn.refuses(UntrustedMetadataError):
        barn.install()


def test_metadata_without_end_is_not_read_to_its_end(barn: Barn) -> None:
    (barn.metadata / "timestamp.json").write_bytes(b" " * 1_000_000)
    with barn.refuses(UntrustedMetadataError):
        barn.install()


def test_a_repository_that_is_not_there(barn: Barn, tmp_path: Path) -> None:
    barn.platform.server.point_at(tmp_path / "nowhere")
    with barn.refuses(RepositoryUnreachableError):
        barn.install()
    with barn.refuses(RepositoryUnreachableError):
        from herdbook.edge.install import Installer

        Installer(barn.root, "barn-1", "http://127.0.0.1:9").look()


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_bytes_are_changed_nothing_unsigned_is_installed(barn: Barn, data: st.DataObject) -> None:
    if not (barn.root.parent / "before").exists():
        shutil.copytree(barn.root, barn.root.parent / "before")
    files = sorted(p for p in barn.platform.repository.rglob("*") if p.is_file())
    path = data.draw(st.sampled_from(files), label="file")
    genuine = path.read_bytes()
    at = data.draw(st.integers(0, max(0, len(genuine) - 1)), label="at")
    new = data.draw(st.binary(max_size=4), label="bytes")
    path.write_bytes(genuine[:at] + new + genuine[at + data.draw(st.integers(0, 4), label="instead of") :])
    known = {
        content for folder in barn.platform.made.iterdir() for content in (p.read_bytes() for p in folder.iterdir())
    }
    shutil.rmtree(barn.root)
    shutil.copytree(barn.root.parent / "before", barn.root)
    refused = []
    try:
        barn.install()
    except HerdbookError as error:
        refused.append(error.exit_code)
    path.write_bytes(genuine)
    assert set(refused) <= set(range(91, 96))
    after = barn.content()
    assert barn.before.items() <= after.items()
    assert set(after.values()) <= known


def test_clocks_and_lives_are_what_settings_say(barn: Barn) -> None:
    found = {status.role: status for status in upkeep.role_status(barn.platform.settings)}
    assert found["timestamp"].expires - datetime.now(UTC) < timedelta(days=7)
    assert found["root"].threshold == 2
    assert len(found["root"].keys) == 3
