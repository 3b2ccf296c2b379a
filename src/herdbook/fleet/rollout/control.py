"""What people do with a rollout: begin, pause, resume, abort, roll back."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from herdbook.contracts.activation import DeviceReport
from herdbook.contracts.release import FIRST_RELEASE
from herdbook.errors import NotFoundError, NotSignedError, RolloutConflictError
from herdbook.fleet.rollout import store
from herdbook.fleet.rollout.agents import ASK_TIMEOUT_S, Agents
from herdbook.fleet.rollout.locks import held
from herdbook.fleet.rollout.plan import Candidate, plan
from herdbook.fleet.rollout.policy import Policy
from herdbook.fleet.rollout.seen import addresses, in_service, record
from herdbook.fleet.rollout.signer import Signer, TrustSigner
from herdbook.fleet.rollout.state import OVER, Decision, Member, State
from herdbook.ledger.columns import utc_now
from herdbook.ledger.models import Device
from herdbook.ledger.rollouts import DevicePin, DeviceSeen, MemberPhase, Rollout, RolloutPhase
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

Deed = Literal["pause", "resume", "abort", "rollback"]
_UNDER_WAY = (RolloutPhase.RUNNING, RolloutPhase.PAUSED)
_AFTER = {
    "pause": RolloutPhase.PAUSED,
    "resume": RolloutPhase.RUNNING,
    "abort": RolloutPhase.ABORTED,
    "rollback": RolloutPhase.ABORTED,
}
_FITS: dict[str, tuple[RolloutPhase, ...]] = {
    "pause": (RolloutPhase.RUNNING,),
    "resume": (RolloutPhase.PAUSED,),
    "abort": _UNDER_WAY,
    "rollback": (*_UNDER_WAY, *OVER, RolloutPhase.DONE),
}


def begin(
    settings: Settings,
    release_id: str,
    policy: Policy,
    *,
    by: str,
    key: str = "",
    farms: Collection[str] = (),
    signer: Signer | None = None,
) -> int:
    """Plan a rollout over the devices in service and enter it. Nobody is told before its first step.

    Args:
        settings: whose fleet.
        release_id: a signed release.
        policy: how it goes.
        by: who begins it.
        key: the same key again gives the same rollout, whatever became of it.
        farms: only devices of these.
        signer: the signed repository; that of the settings if not given.

    Returns:
        The rollout's number.

    Raises:
        NotSignedError: there is no such signed release.
        RolloutConflictError: another rollout is under way, or is still sending devices back; or the release is for the
            lab.
        NotFoundError: no device is in service there.
    """
    signer = signer or TrustSigner(settings)
    release = signer.release(release_id)
    if release.lab:
        raise RolloutConflictError(
            f"{release_id} is for the lab: its version was never champion", "Give it to one device with `fleet pin`."
        )
    with ledger_session(settings) as session:
        if (known := _by_key(session, key)) is not None:
            return known
        _require_none_under_way(session)
        devices = [device for device in in_service(session) if not farms or device.farm_id in farms]
    if not devices:
        raise NotFoundError("no device is in service there", "`herdbook fleet enrol` adds one.")
    reachable, wrong = addresses(settings, devices)
    reports, silent = Agents(reachable, timeout_s=min(ASK_TIMEOUT_S, settings.timeout_s)).reports()
    now = utc_now()
    with ledger_session(settings) as session:
        if (known := _by_key(session, key)) is not None:
            return known
        _require_none_under_way(session)
        record(session, reports, wrong | silent, now)
        candidates = _candidates(session, devices, reports)
        members, waves = plan(policy, candidates, {recipe.sku for recipe in release.recipes})
        state = State(release_id, policy, RolloutPhase.RUNNING, waves, members, rolls_back=policy.on_stop == "rollback")
        said = f"{release_id}: {len(members)} devices in {len(waves)} waves"
        row = store.add(session, key or f"{release_id} {now.isoformat()}", state, by=by, said=said, now=now)
        if state.rolls_back and (remark := _no_way_back(signer, state)):
            store.enter(session, row.rollout_id, [Decision("remark", remark)], by=store.HERDBOOK, now=now)
        return row.rollout_id


def change(settings: Settings, rollout_id: int, deed: Deed, *, by: str, reason: str = "") -> RolloutPhase:
    """Pause, resume, abort or roll back. The next step of a driver acts on it; what is aborted stays so.

    ``abort`` sends devices back if the rollout's policy says so, ``rollback`` does in any case, after the end too.

    Raises:
        NotFoundError: there is no such rollout.
        RolloutConflictError: it does not fit where the rollout stands.
    """
    with held(settings, "signing"), ledger_session(settings) as session:
        row = store.find(session, rollout_id)
        if row.phase not in _FITS[deed]:
            raise RolloutConflictError(f"rollout {rollout_id} is {row.phase.value}: it cannot be {_DONE[deed]}")
        newest = store.latest(session)
        if deed == "rollback" and newest is not None and newest.rollout_id != rollout_id:
            raise RolloutConflictError(
                f"rollout {rollout_id} was followed by {newest.rollout_id}",
                "Roll that one back, or roll the release that you want out anew.",
            )
        now = utc_now()
        row.phase = _AFTER[deed]
        row.revision += 1
        row.rolls_back = row.rolls_back or deed == "rollback"
        row.reason = f"{_DONE[deed]} by {by}" + (f": {reason}" if reason else "") if deed != "resume" else ""
        if row.phase in OVER:
            row.ended_at = now
        said = f"{_DONE[deed]}" + (f": {reason}" if reason else "")
        store.enter(session, rollout_id, [Decision(_DONE[deed], said)], by=by, now=now)
        return row.phase


_DONE = {"pause": "paused", "resume": "resumed", "abort": "aborted", "rollback": "rolled back"}


def _by_key(session: Session, key: str) -> int | None:
    return session.scalar(select(Rollout.rollout_id).where(Rollout.key == key)) if key else None


def _require_none_under_way(session: Session) -> None:
    row = store.latest(session)
    if row is None:
        return
    if row.phase in _UNDER_WAY:
        raise RolloutConflictError(f"rollout {row.rollout_id} of {row.release_id} is {row.phase.value}")
    if any(member.owed for member in store.load(session, row.rollout_id).state.members.values()):
        raise RolloutConflictError(
            f"rollout {row.rollout_id} is still sending devices back",
            f"`herdbook fleet step {row.rollout_id}` signs what is owed.",
        )


def _no_way_back(signer: Signer, state: State) -> str:
    """Which devices could not be sent back, because what they run was never signed; empty if all could."""
    unsigned = set()
    formers = {member.former for member in state.members.values() if member.former is not None}
    for former in formers - {FIRST_RELEASE}:
        try:
            signer.release_files(former)
        except (NotFoundError, NotSignedError):
            unsigned.add(former)
    count = sum(member.former in unsigned for member in state.members.values())
    if not count:
        return ""
    return f"{count} devices run {', '.join(sorted(unsigned))}, never signed: they cannot be told to go back to it"


def _candidates(session: Session, devices: list[Device], reports: dict[str, DeviceReport]) -> list[Candidate]:
    """Every device with what it says of its machine, or said last."""
    seen = {row.device_id: row for row in session.scalars(select(DeviceSeen))}
    pins = {row.device_id: row.release_id for row in session.scalars(select(DevicePin))}
    found = []
    for device in devices:
        report, last = reports.get(device.device_id), seen.get(device.device_id)
        member = Member(
            device_id=device.device_id,
            farm_id=device.farm_id,
            timezone=device.timezone,
            wave=0,
            sku=report.hardware.sku if report else (last.sku if last else None) or "",
            engine_key=report.hardware.engine_key if report else (last.engine_key if last else None) or "",
            former=report.actual if report else last.actual if last else None,
        )
        if device.device_id in pins:
            member = member.became(MemberPhase.SKIPPED, f"pinned to {pins[device.device_id]}")
        found.append(Candidate(member, report is not None))
    return found
