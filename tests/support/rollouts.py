"""Rollouts in miniature: policies without waiting, members, devices that say what a test wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any

from herdbook.contracts.activation import (
    ClipDrift,
    DeviceReport,
    Drift,
    EngineCertificate,
    Failure,
    Parity,
    Reading,
    Stage,
)
from herdbook.contracts.hardware import Hardware
from herdbook.contracts.release import FIRST_RELEASE, Budget, File, Precision
from herdbook.fleet.rollout.plan import Candidate, plan
from herdbook.fleet.rollout.policy import Policy, read_policy
from herdbook.fleet.rollout.state import Member, State
from herdbook.ledger.rollouts import RolloutPhase

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, NEW = "compact-1", "compact-2"
DIGEST = "0" * 64
HARDWARE = {
    "cpu": Hardware(sku="cpu", memory_mib=8192),
    "orin": Hardware(sku="orin-nx-16", memory_mib=15656, jetpack="6.2", tensorrt="10.3", cuda="12.6"),
}
BUDGET = Budget(latency_ms=100, memory_mib=500)


def policy(changes: Mapping[str, Any] = {}) -> Policy:
    """The shipped policy without soaking, and with what a test changes, section by section."""
    document = read_policy().model_dump()
    document["hours"]["soak"] = 0
    document["drift"]["required"] = "nobody"
    for section, values in changes.items():
        if isinstance(values, dict):
            document[section] |= values
        else:
            document[section] = values
    return Policy.model_validate(document)


def member(device_id: str, kind: str = "cpu", farm_id: str = "farm-a", **more: Any) -> Member:
    """A device that runs the old release."""
    hardware = HARDWARE[kind]
    given = {"sku": hardware.sku, "engine_key": hardware.engine_key, "former": OLD, "wave": 0}
    return Member(device_id, farm_id, "Europe/London", **(given | more))


def rollout(members: list[Member], rules: Policy | None = None, silent: frozenset[str] = frozenset()) -> State:
    """A rollout that was just planned."""
    rules = rules or policy()
    placed, waves = plan(rules, [Candidate(m, m.device_id not in silent) for m in members])
    return State(NEW, rules, RolloutPhase.RUNNING, waves, placed)


def certificate(device_id: str, release_id: str = NEW, kind: str = "cpu", **changes: Any) -> EngineCertificate:
    """A proved one."""
    given: dict[str, Any] = {
        "device_id": device_id,
        "release_id": release_id,
        "release_sha256": DIGEST,
        "hardware": HARDWARE[kind],
        "backend": "onnxruntime",
        "engines": (File(name="student.onnx", bytes=1, sha256=DIGEST),),
        "precision": Precision.FP32,
        "parity": (Parity(role="student", precision=Precision.FP32, error=0.001, tolerance=0.01),),
        "latency_ms": 10.0,
        "memory_mib": 50.0,
        "budget": BUDGET,
        "software_version": "0.1.0",
        "made_at": NOON,
    }
    return EngineCertificate(**(given | changes))


@dataclass
class FakeDevice:
    """A device that takes up what it is told at once, but for its fault.

    ``fault``: ``""``; ``silent`` (answers until it is told); ``away``; ``refuses`` (parity), ``slow`` (latency over
    budget); ``late`` (never gets ready); ``falls back`` (proves, then its server dies and the old release is back);
    ``lies`` (sees every animal lying).
    """

    device_id: str
    kind: str = "cpu"
    fault: str = ""
    actual: str = OLD
    number: int = 0
    desired: str | None = None
    looks: int = 0
    builds: bool = False

    def tell(self, release_id: str, number: int, *, builds: bool = False) -> None:
        """A signed assignment reaches it."""
        self.number, self.desired, self.builds = number, release_id, builds
        if release_id in (OLD, FIRST_RELEASE) or self.fault in ("", "falls back", "lies"):
            self.actual = release_id

    @property
    def plan(self) -> bytes:
        """The engine that it builds as a canary; none on a machine without TensorRT."""
        return f"{self.device_id} {NEW}".encode() if HARDWARE[self.kind].has_tensorrt else b""

    def report(self, drift: Drift | None = None, now: datetime = NOON) -> DeviceReport | None:
        """What it says; nothing if it does not answer."""
        if self.fault == "away" or (self.fault == "silent" and self.number):
            return None
        self.looks += self.actual == NEW
        if self.fault == "falls back" and self.looks > 1:
            self.actual = OLD
        why = {"refuses": "student: parity 0.4 of 0.01", "slow": "480 ms, budget 100"}.get(self.fault, "")
        failed = bool(why) and self.desired == NEW
        shown = None
        if self.desired == NEW and (failed or self.actual == NEW):
            latency = 480.0 if self.fault == "slow" else 10.0
            shown = certificate(self.device_id, kind=self.kind, problems=(why,) if failed else (), latency_ms=latency)
        built = self.builds and self.plan and shown is not None and not failed
        return DeviceReport(
            device_id=self.device_id,
            hardware=HARDWARE[self.kind],
            stage=Stage.FAILED if failed else Stage.PROVING if self.actual != self.desired else Stage.IDLE,
            assignment=self.number,
            desired=self.desired,
            actual=self.actual,
            serving=True,
            certificate=shown,
            drift=drift if self.actual == NEW else None,
            failure=Failure(
                stage=Stage.PROVING,
                error="EngineRefusedError",
                exit_code=1,
                message=why,
                remedy="Mend the release.",
                final=True,
                at=now,
            )
            if failed
            else None,
            built=(File(name="student.plan", bytes=len(self.plan), sha256=sha256(self.plan).hexdigest()),)
            if built
            else (),
            now=now,
        )


PEN = {"lying": 0.78, "standing": 0.12, "eating": 0.07, "walking": 0.03}
"""Shares of time in a quiet pen."""


def drift_of(number: int, *, lies: bool = False, clips: int = 8) -> Drift:
    """Both releases on a device's clips: the same model with a little noise, or one that sees every animal lying."""
    random = Random(number)
    read = []
    for n in range(clips):
        lying = min(0.97, max(0.4, random.gauss(PEN["lying"], 0.1)))
        rest = {name: share * (1 - lying) / 0.22 for name, share in PEN.items() if name != "lying"}
        old = {"lying": lying} | rest
        new = {"lying": 1.0} if lies else {name: max(0.0, share + random.gauss(0, 0.01)) for name, share in old.items()}
        total = sum(new.values())
        read.append(clip(n, reading(60, 9, old), reading(60, 9, {k: v / total for k, v in new.items()})))
    return Drift(old_release=OLD, new_release=NEW, clips=tuple(read))


def reading(seconds: float, animals: float, shares: Mapping[str, float], identities: int = 5) -> Reading:
    """What a release saw in a clip."""
    total = seconds * animals
    return Reading(
        tracklets=identities,
        animal_s=total,
        behaviour_s={name: share * total for name, share in shares.items()},
        identities=identities,
    )


def clip(number: int, old: Reading, new: Reading, seconds: float = 60.0) -> ClipDrift:
    """One clip read twice."""
    return ClipDrift(clip=f"clip-{number}.mp4", camera_id="cam-1", seconds=seconds, old=old, new=new)
