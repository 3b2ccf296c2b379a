"""The fleet and its rollouts at a glance, as plain values for the command line and the page."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from herdbook.errors import NotFoundError
from herdbook.fleet.rollout import store
from herdbook.fleet.rollout.agents import ASK_TIMEOUT_S, Agents
from herdbook.fleet.rollout.seen import addresses, in_service, record
from herdbook.ledger.columns import utc_now
from herdbook.ledger.models import DayState, Device, DeviceDay
from herdbook.ledger.rollouts import DevicePin, DeviceSeen, Rollout, RolloutDevice, RolloutEvent, RolloutWave
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings


@dataclass(frozen=True)
class FleetRow:
    """A device in service.

    ``desired``: release of the newest assignment signed for it; ``actual``: what it last said that it runs;
    ``certificate``: ``proved``, ``refused``, or empty where it has shown none for what it runs or tries; ``stage``:
    where it stands with its assignment; ``last_day``: newest farm-local day that is here.
    """

    device: str
    farm: str
    sku: str | None
    desired: str | None
    actual: str | None
    certificate: str
    stage: str | None
    serving: bool | None
    pinned: str | None
    last_seen: datetime | None
    last_day: date | None
    said: str


def ask_all(settings: Settings) -> None:
    """Ask every device in service what it runs, and keep what it says."""
    with ledger_session(settings) as session:
        devices = in_service(session)
    reachable, wrong = addresses(settings, devices)
    reports, silent = Agents(reachable, timeout_s=min(ASK_TIMEOUT_S, settings.timeout_s)).reports()
    with ledger_session(settings) as session:
        record(session, reports, wrong | silent, utc_now())


def fleet(settings: Settings) -> list[FleetRow]:
    """Every device in service, by id."""
    here = [DayState.LANDED, DayState.LOADED]
    newest = select(DeviceDay.device_id, func.max(DeviceDay.day)).where(DeviceDay.state.in_(here))
    with ledger_session(settings) as session:
        devices = list(session.scalars(select(Device).where(Device.retired_at.is_(None)).order_by(Device.device_id)))
        days = {row[0]: row[1] for row in session.execute(newest.group_by(DeviceDay.device_id))}
        seen = {row.device_id: row for row in session.scalars(select(DeviceSeen))}
        pins = {row.device_id: row.release_id for row in session.scalars(select(DevicePin))}
    return [
        _row(device, seen.get(device.device_id), pins.get(device.device_id), days.get(device.device_id))
        for device in devices
    ]


def rollouts(settings: Settings, limit: int = 20) -> list[dict[str, Any]]:
    """The latest rollouts, newest first: number, release, where each stands and why, by whom and when."""
    with ledger_session(settings) as session:
        rows = session.scalars(select(Rollout).order_by(Rollout.rollout_id.desc()).limit(limit))
        return [_summary(row) for row in rows]


def rollout(settings: Settings, rollout_id: int | None = None, events: int = 50) -> dict[str, Any]:
    """A rollout with its waves, the gates' evidence, its devices and latest events; the newest if none is named.

    Raises:
        NotFoundError: there is none.
    """
    with ledger_session(settings) as session:
        row = store.latest(session) if rollout_id is None else store.find(session, rollout_id)
        if row is None:
            raise NotFoundError("nothing was ever rolled out", "`herdbook fleet rollout RELEASE` begins one.")
        mine = row.rollout_id
        waves = list(session.scalars(select(RolloutWave).filter_by(rollout_id=mine).order_by(RolloutWave.number)))
        members = list(session.scalars(select(RolloutDevice).filter_by(rollout_id=mine)))
        said = select(RolloutEvent).filter_by(rollout_id=mine).order_by(RolloutEvent.event_id.desc()).limit(events)
        happened = [
            {"at": e.at, "by": e.by, "what": e.what, "wave": e.wave, "device": e.device_id, "said": e.said}
            for e in session.scalars(said)
        ]
        newest = store.latest(session)
    return _summary(row) | {
        "latest": newest is not None and newest.rollout_id == mine,
        "waves": [_wave(wave, members) for wave in waves],
        "devices": [
            {
                "device": m.device_id,
                "wave": m.wave,
                "canary": m.canary,
                "phase": m.phase.value,
                "sku": m.sku,
                "former": m.former,
                "assignment": m.signed,
                "reason": m.reason,
            }
            for m in sorted(members, key=lambda m: (m.wave, m.device_id))
        ],
        "events": happened,
    }


def _row(device: Device, seen: DeviceSeen | None, pinned: str | None, day: date | None) -> FleetRow:
    certificate = json.loads(seen.certificate) if seen is not None and seen.certificate else None
    return FleetRow(
        device=device.device_id,
        farm=device.farm_id,
        sku=seen.sku if seen else None,
        desired=seen.desired if seen else None,
        actual=seen.actual if seen else None,
        certificate="" if certificate is None else "refused" if certificate["problems"] else "proved",
        stage=seen.stage if seen else None,
        serving=seen.serving if seen else None,
        pinned=pinned,
        last_seen=seen.seen_at if seen else None,
        last_day=day,
        said=seen.said if seen else "",
    )


def _summary(row: Rollout) -> dict[str, Any]:
    return {
        "rollout": row.rollout_id,
        "release": row.release_id,
        "phase": row.phase.value,
        "reason": row.reason,
        "by": row.started_by,
        "began": row.started_at,
        "ended": row.ended_at,
    }


def _wave(wave: RolloutWave, members: list[RolloutDevice]) -> dict[str, Any]:
    mine = [member for member in members if member.wave == wave.number]
    return {
        "wave": wave.number,
        "name": "canaries" if wave.number == 0 else f"wave {wave.number}",
        "phase": wave.phase.value,
        "began": wave.began_at,
        "ended": wave.ended_at,
        "devices": len(mine),
        "counts": dict(sorted(Counter(member.phase.value for member in mine).items())),
        "evidence": json.loads(wave.evidence) if wave.evidence else {},
    }
