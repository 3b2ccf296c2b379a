"""What must hold of a device and of a rollout after every fault, looked at from outside: with python-tuf's own classes
and the device's root of trust, not with the code that installed anything.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

from herdbook.contracts.assignment import release_target
from herdbook.contracts.digest import sha256_of
from herdbook.edge.activate import read_active
from herdbook.edge.activate.using import wait_until
from herdbook.edge.install.provision import ROOT_NAME, TRUST
from support.fault_world import PATIENCE_S, Device, World

_INSTALLED = re.compile(r"(.+)-[0-9a-f]{12}")


def signed_files(repository: Path, trusted: Path) -> dict[str, TargetFile]:
    """Every file of a release that the platform signed, by its path; signatures followed from a device's root."""
    metadata = repository / "metadata"
    root: Root = Metadata.from_file(str(trusted)).signed

    def read(role: str, name: str, delegator: Root | Targets) -> Any:
        found: Metadata[Any] = Metadata.from_file(str(metadata / name))
        delegator.verify_delegate(role, found.signed_bytes, found.signatures)
        return found.signed

    timestamp: Timestamp = read("timestamp", "timestamp.json", root)
    snapshot: Snapshot = read("snapshot", f"{timestamp.snapshot_meta.version}.snapshot.json", root)
    targets = read("targets", f"{snapshot.meta['targets.json'].version}.targets.json", root)
    releases: Targets = read("releases", f"{snapshot.meta['releases.json'].version}.releases.json", targets)
    return releases.targets


def works(device: Device) -> None:
    """The process that came up makes an engine of what is named, and reads a clip with it."""

    def reads_with_it() -> bool:
        device.listen()
        active = read_active(device.root / "releases")
        assert active is not None
        assert active.now is not None
        return device.reads[-1][0] == active.now.use.release_id

    assert wait_until(reads_with_it, PATIENCE_S), device.reads
    assert all(animals for _, animals in device.reads)


def runs_signed_bytes(world: World, device: Device) -> None:
    """What is named to run, and all that lies where it could be named, was signed with its length and digest."""
    releases = device.root / "releases"
    signed = signed_files(world.repository, device.root / TRUST / ROOT_NAME)

    def is_signed(path: Path, release_id: str) -> bool:
        target = signed.get(release_target(release_id, path.name))
        return target is not None and (target.length, target.hashes["sha256"]) == (
            path.stat().st_size,
            sha256_of(path),
        )

    active = read_active(releases)
    for installed in (active.now, active.previous) if active else ():
        for engine in installed.engines if installed else ():
            assert installed is not None
            assert is_signed(releases / engine.place, installed.use.release_id), engine
    folders = [path for path in releases.iterdir() if path.is_dir() and not path.name.startswith(".")]
    for folder in folders:
        named = _INSTALLED.fullmatch(folder.name)
        for path in folder.iterdir() if named else ():
            assert named is not None
            assert is_signed(path, named[1]), path
    digests = {target.hashes["sha256"] for target in signed.values()}
    for graph in device.root.glob("triton/models/*/[0-9]*/model.onnx"):
        assert sha256_of(graph) in digests, graph


def all_hold(world: World) -> None:
    """No device is without a working engine, and none runs what was not signed: each process started anew."""
    world.start()
    for device in world.devices.values():
        works(device)
        runs_signed_bytes(world, device)


def stopped(world: World, wave: int, why: str) -> None:
    """The gate of a wave stopped the rollout, with its evidence in the ledger, and no later wave was told."""
    found = world.found()
    assert found["phase"] == "stopped", found
    assert [w["phase"] for w in found["waves"]] == (
        ["passed"] * wave + ["failed"] + ["pending"] * (len(found["waves"]) - wave - 1)
    )
    evidence = found["waves"][wave]["evidence"]
    assert evidence["say"] == "stop"
    reasons = " ".join([found["reason"], *(device["reason"] for device in found["devices"])])
    assert re.search(why, reasons), reasons
    told = {event["device"] for event in found["events"] if event["what"] == "told"}
    for device in found["devices"]:
        if device["wave"] > wave:
            assert device["device"] not in told
            assert (device["phase"], device["assignment"]) == ("pending", None)


def went_on(world: World, release_id: str) -> None:
    """The rollout reached its end: every wave passed, every device proved, and runs the release."""
    found = world.found()
    assert found["phase"] == "done", found
    assert {wave["phase"] for wave in found["waves"]} == {"passed"}
    assert {device["phase"] for device in found["devices"] if device["phase"] != "skipped"} == {"proved"}
    for device in world.devices.values():
        active = read_active(device.root / "releases")
        assert active is not None
        assert active.now is not None
        assert active.now.use.release_id == release_id
