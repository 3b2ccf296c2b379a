"""A platform that signs releases, the server that offers them, and devices that install: all real, keys included."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from herdbook.contracts.assignment import Assignment, assignment_target
from herdbook.contracts.release import RELEASE_NAME
from herdbook.settings import Settings
from support import faulty_server
from support.releases import NOON, release_document

PASSPHRASE = b"correct horse battery staple"


def write_release(folder: Path, release_id: str = "compact-1", sizes: int = 100) -> Path:
    """A folder with a release whose files hold ``sizes`` bytes of their own each."""
    folder.mkdir(parents=True)
    document = release_document(release_id)
    for file in document["files"]:
        content = f"{release_id}/{file['name']} ".encode() * (sizes // 10)
        content = content[:sizes]
        (folder / file["name"]).write_bytes(content)
        file |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / RELEASE_NAME).write_text(json.dumps(document))
    return folder


@dataclass
class Server:
    """The process that serves whatever repository it is pointed at."""

    place: Path
    url: str

    def point_at(self, repository: Path) -> None:
        link = self.place / "served"
        link.unlink(missing_ok=True)
        link.symlink_to(repository)
        self.fault({})
        (self.place / "requests.log").write_text("")

    def fault(self, faults: dict[str, dict[str, Any]]) -> None:
        (self.place / "faults.json").write_text(json.dumps(faults))

    def asked(self) -> list[tuple[str, int]]:
        """Every request since: path, and the byte it began at."""
        lines = (self.place / "requests.log").read_text().splitlines()
        return [(entry["path"], entry["offset"]) for entry in map(json.loads, lines)]


@dataclass
class Platform:
    """An installation with a signed repository, and where it is served."""

    settings: Settings
    stick: Path
    server: Server
    made: Path = field(init=False)

    def __post_init__(self) -> None:
        self.made = self.settings.home / "made"

    @property
    def offline(self) -> Any:
        from herdbook.fleet.trust.keys import OfflineKeys

        return OfflineKeys((self.stick,), PASSPHRASE)

    @property
    def repository(self) -> Path:
        return self.settings.releases / "repository"

    @property
    def url(self) -> str:
        return self.server.url

    def publish(self, release_id: str = "compact-1", sizes: int = 100) -> None:
        from herdbook.fleet.trust import publish_release

        publish_release(self.settings, write_release(self.made / release_id, release_id, sizes))

    def assignment(self, release_id: str = "compact-1", device_id: str = "barn-1", **changes: Any) -> Assignment:
        from herdbook.fleet.trust import next_number, release_files

        told = {
            "device_id": device_id,
            "number": next_number(self.settings, device_id),
            "release_id": release_id,
            "files": [file.model_dump() for file in release_files(self.settings, release_id)],
            "issued_at": NOON,
        }
        return Assignment.model_validate(told | changes)

    def assign(self, *assignments: Assignment) -> None:
        from herdbook.fleet.trust import assign

        assign(self.settings, assignments or (self.assignment(),))

    def root_document(self) -> bytes:
        from herdbook.fleet.trust.store import newest_root

        return newest_root(self.settings).read_bytes()

    def device(self, root: Path, device_id: str = "barn-1", **options: Any) -> Any:
        """An installer on a device that trusts this platform."""
        from herdbook.edge.install import Installer, provision

        root.mkdir(parents=True, exist_ok=True)
        provision(root, self.root_document())
        return Installer(root, device_id, self.url, **{"reserve_bytes": 0, "timeout_s": 5.0} | options)

    def target(self, path: str) -> Path:
        """Where the bytes of a signed file lie in the repository."""
        from herdbook.fleet.trust.store import read_state
        from herdbook.fleet.trust.targets import place_of

        state = read_state(self.settings)
        signed = {**state.releases.signed.targets, **state.all_assigned()}
        return place_of(self.repository, signed[path])

    def assignment_file(self, device_id: str = "barn-1") -> Path:
        return self.target(assignment_target(device_id))


@pytest.fixture(scope="session")
def release_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("served")
    command: Sequence[str | Path] = [sys.executable, "-I", faulty_server.__file__, place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield Server(place, f"http://127.0.0.1:{port}")
        process.kill()


@pytest.fixture(scope="session")
def signed_template(tmp_path_factory: pytest.TempPathFactory, release_server: Server) -> Path:
    """A home with keys, the release ``compact-1``, and ``barn-1`` assigned to it."""
    from herdbook.fleet.trust import ceremony

    folder = tmp_path_factory.mktemp("platform")
    (folder / "stick").mkdir()
    platform = Platform(Settings(home=folder / "home"), folder / "stick", release_server)
    ceremony.init(platform.settings, platform.offline)
    platform.publish()
    platform.assign()
    return folder


@pytest.fixture
def platform(signed_template: Path, release_server: Server, tmp_path: Path) -> Platform:
    """A platform of one's own."""
    place = tmp_path / "platform"
    shutil.copytree(signed_template, place)
    copy = Platform(Settings(home=place / "home"), place / "stick", release_server)
    release_server.point_at(copy.repository)
    return copy
