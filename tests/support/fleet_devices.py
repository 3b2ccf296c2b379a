"""A fleet of simulated agents in one process, over real HTTP: ``python -m support.fleet_devices FOLDER``.

``FOLDER/devices.json`` names the devices with kind and fault, and is read again when it changes; assignments are read
from ``FOLDER/assignments``, where `FolderSigner` puts them. A device's agent is below ``/d/<device>``. What devices
were told is kept in ``FOLDER/told.jsonl``, one line for each assignment that was taken notice of.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from herdbook.contracts.assignment import Assignment, TargetFile, plan_target, release_target
from herdbook.contracts.durable import write_durably
from herdbook.contracts.release import Release
from herdbook.errors import NotSignedError
from herdbook.fleet.inventory import enrol
from herdbook.ledger.columns import utc_now
from herdbook.processes.background import Background
from herdbook.settings import Settings
from support.releases import release_document
from support.rollouts import OLD, FakeDevice, drift_of


def token_of(device_id: str) -> str:
    """Each device's own."""
    return sha256(device_id.encode()).hexdigest()


class FolderSigner:
    """Assignments in a folder, without signatures: what devices of this module take notice of."""

    def __init__(self, folder: Path, releases: Collection[str]) -> None:
        self.folder = folder
        self.releases = set(releases)
        self.engines: dict[str, str] = {}
        for name in ("assignments", "plans"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def release(self, release_id: str) -> Release:
        if release_id not in self.releases:
            raise NotSignedError(f"release '{release_id}' is not in the signed repository")
        release = Release.model_validate(release_document(release_id))
        use = release.use.model_copy(update={"engine": self.engines.get(release_id, release.use.engine)})
        return release.model_copy(update={"use": use})

    def release_files(self, release_id: str) -> tuple[TargetFile, ...]:
        document = self.release(release_id).model_dump_json().encode()
        digest = sha256(document).hexdigest()
        path = release_target(release_id, "release.json")
        return (TargetFile(path=path, name="release.json", bytes=len(document), sha256=digest),)

    def plans_for(self, release_id: str, engine_key: str) -> tuple[TargetFile, ...]:
        files = sorted((self.folder / "plans" / release_id / engine_key).glob("*"))
        return tuple(
            TargetFile(
                path=plan_target(release_id, engine_key, file.name),
                name=file.name,
                bytes=file.stat().st_size,
                sha256=sha256(file.read_bytes()).hexdigest(),
            )
            for file in files
        )

    def present(self, device_ids: Collection[str]) -> Mapping[str, Assignment]:
        paths = {name: self.folder / "assignments" / f"{name}.json" for name in device_ids}
        return {n: Assignment.model_validate_json(p.read_bytes()) for n, p in paths.items() if p.exists()}

    def pools(self, device_id: str, present: Assignment | None) -> tuple[TargetFile, ...]:
        return ()

    def assign(self, assignments: Sequence[Assignment]) -> None:
        for assignment in assignments:
            path = self.folder / "assignments" / f"{assignment.device_id}.json"
            part = path.with_suffix(f".{os.getpid()}")
            part.write_text(assignment.model_dump_json())
            part.replace(path)

    def publish_plans(self, release_id: str, engine_key: str, files: Iterable[Path]) -> None:
        folder = self.folder / "plans" / release_id / engine_key
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / file.name).write_bytes(file.read_bytes())


class SimulatedFleet:
    """The devices, as an ASGI application.

    Args:
        folder: theirs.
        source: address of a signed repository; each device is then a client of it, as real ones are, in
            ``FOLDER/roots/<device>``.
    """

    def __init__(self, folder: Path, source: str = "") -> None:
        self.folder = folder
        self.source = source
        self._turn = asyncio.Semaphore(4)
        self._under_way: set[asyncio.Task[None]] = set()
        self.devices: dict[str, FakeDevice] = {}
        self._read_at = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        self._read_devices()
        _, _, device_id, *rest = scope["path"].split("/")
        device = self.devices.get(device_id)
        token = dict(scope["headers"]).get(b"authorization", b"").decode()
        if device is None or token != f"Bearer {token_of(device.device_id)}":
            await _answer(send, 401, b"{}")
            return
        what = "/".join(rest)
        if not self.source:
            self._look(device)
        elif what == "v1/release/check":
            self._under_way.add(asyncio.create_task(self._take_up(device)))
        report = device.report(drift_of(sum(device_id.encode()), lies=device.fault == "lies"), utc_now())
        if report is None:
            await asyncio.sleep(3600)  # the line is dead
        elif what == "v1/release":
            await _answer(send, 200, report.model_dump_json().encode())
        elif what == "v1/release/check":
            await _answer(send, 202, b"{}")
        elif what == f"v1/plans/{sha256(device.plan).hexdigest()}":
            await _answer(send, 200, device.plan)
        else:
            await _answer(send, 404, b"{}")

    def _read_devices(self) -> None:
        path = self.folder / "devices.json"
        changed = path.stat().st_mtime_ns
        if changed == self._read_at:
            return
        self._read_at = changed
        for name, said in json.loads(path.read_bytes()).items():
            device = self.devices.setdefault(name, FakeDevice(name, said["kind"], actual=said.get("actual", OLD)))
            device.fault = said["fault"]

    def _look(self, device: FakeDevice) -> None:
        path = self.folder / "assignments" / f"{device.device_id}.json"
        if device.fault == "away" or not path.exists():
            return
        told = json.loads(path.read_bytes())
        if told["number"] > device.number:
            self._tell(device, told)

    async def _take_up(self, device: FakeDevice) -> None:
        async with self._turn:
            await asyncio.to_thread(self._install, device)

    def _install(self, device: FakeDevice) -> None:
        """As the device's own loop does it: look, fetch, then all that is simulated here."""
        from herdbook.edge.install import Installer

        installer = Installer(self.folder / "roots" / device.device_id, device.device_id, self.source, reserve_bytes=0)
        assignment = installer.look()
        if assignment is not None and assignment.number > device.number:
            installer.fetch(assignment)
            self._tell(device, json.loads(assignment.model_dump_json()))

    def _tell(self, device: FakeDevice, told: Mapping[str, Any]) -> None:
        device.tell(told["release_id"], told["number"], builds=told["builds"])
        with (self.folder / "told.jsonl").open("a") as stream:
            stream.write(json.dumps({n: told[n] for n in ("device_id", "number", "release_id", "why")}) + "\n")


async def _answer(send: Any, status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


def write_devices(folder: Path, devices: Mapping[str, Mapping[str, str]]) -> None:
    """Say which devices there are, and what is wrong with each."""
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(folder / "devices.json", json.dumps(devices).encode())


def told(folder: Path) -> list[dict[str, Any]]:
    """Every assignment that a device took notice of, in order."""
    path = folder / "told.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@contextmanager
def simulated_fleet(
    settings: Settings, folder: Path, devices: Mapping[str, Mapping[str, str]], *, enrolled: bool = True
) -> Iterator[str]:
    """The devices in a process of their own, enrolled; their address. ``devices``: kind, fault and farm by name."""
    write_devices(folder, devices)
    command = [sys.executable, "-m", "support.fleet_devices", str(folder)]
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    with Background("devices", command, folder / "devices.log", os.environ | {"PYTHONPATH": paths}) as process:
        url = process.wait_for(r"http://\S+", timeout_s=240)
        for name, said in devices.items():
            if enrolled:
                enrol(
                    settings,
                    name,
                    farm_id=said.get("farm", "farm-a"),
                    url=f"{url}/d/{name}",
                    timezone="Europe/London",
                    token=token_of(name),
                )
        yield url


def main(folder: str, source: str = "") -> None:
    """Serve until killed."""
    import uvicorn

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)  # who asks before the server is up waits for it
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(SimulatedFleet(Path(folder), source), log_level="warning", lifespan="off")
    asyncio.run(uvicorn.Server(config).serve([listener]))


if __name__ == "__main__":
    main(*sys.argv[1:])
