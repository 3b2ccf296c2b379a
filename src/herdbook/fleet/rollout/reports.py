"""What a device's report means for its place in a rollout."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from herdbook.contracts.activation import DeviceReport, EngineCertificate, Stage
from herdbook.contracts.assignment import Window
from herdbook.contracts.farmtime import zone
from herdbook.fleet.rollout.policy import Hours
from herdbook.fleet.rollout.state import Assigned, Member
from herdbook.ledger.rollouts import MemberPhase


def read(
    member: Member, report: DeviceReport | None, release_id: str, now: datetime, *, assigned: Assigned | None = None
) -> Member:
    """The device after what it said, or did not say, this time.

    What it says of an older instruction counts for nothing; a failure that may come right by itself only once its
    time is over.
    """
    if report is not None and member.phase in (MemberPhase.PENDING, MemberPhase.AWAY):
        machine, former = report.hardware, way_back(report, assigned)
        return replace(member, sku=machine.sku, engine_key=machine.engine_key, former=former)
    if member.phase is MemberPhase.LEAVING:
        back = report is not None and _heard(member, report) and _settled(report, member.former)
        return member.became(MemberPhase.LEFT, member.reason) if back else member
    if member.phase is MemberPhase.TOLD and report is not None:
        # What keeps it from hearing us is what people will ask for once its time is over.
        heard = _heard(member, report)
        member = _told(member, report, release_id, now) if heard else replace(member, reason=_trouble(report))
    elif member.phase is MemberPhase.PROVED and report is not None and _heard(member, report):
        member = _proved(member, report, release_id, now)
    if member.phase not in (MemberPhase.TOLD, MemberPhase.PROVED):
        return member
    well = report is not None if member.phase is MemberPhase.TOLD else member.well_at == now
    return replace(member, missed_at=None if well else member.missed_at or now)


def way_back(report: DeviceReport, assigned: Assigned | None) -> str:
    """The release to go back to: the one it runs, or one that it is told to run and has not heard of yet."""
    return report.actual if assigned is None or report.assignment >= assigned.number else assigned.release_id


def silent(member: Member, hours: Hours, window: Window | None, now: datetime, *, watched: bool) -> Member:
    """The device after its time is over. ``watched``: whether its wave is in flight: after that it may be off.

    Nobody is silent who was not asked: time in which no driver ran does not count.
    """
    asked = member.missed_at is None or member.missed_at < now
    if member.phase is MemberPhase.TOLD and asked and now > due(member, hours, window):
        why = f"{member.reason}; " if member.reason else ""
        limit = hours.canary if member.canary else hours.wave
        return member.became(MemberPhase.FAILED, f"{why}it did not prove the release within {limit:g} h")
    if not watched or member.phase is not MemberPhase.PROVED or member.missed_at is None:
        return member
    if now - member.missed_at > timedelta(hours=hours.silence):
        return member.became(MemberPhase.FAILED, f"it proved, then was not seen well for {hours.silence:g} h")
    return member


def due(member: Member, hours: Hours, window: Window | None) -> datetime:
    """When a told device must have proved: its hours count from the opening of its maintenance window."""
    assert member.told_at is not None, "told devices have a time"
    limit = timedelta(hours=hours.canary if member.canary else hours.wave)
    return _opening(member.told_at, window, member.timezone) + limit


def _opening(moment: datetime, window: Window | None, timezone: str) -> datetime:
    """The first instant, from a moment on, that lies within the window."""
    if window is None or window.contains(moment, timezone):
        return moment
    local = moment.astimezone(zone(timezone))
    opens = datetime.combine(local.date(), window.begins, local.tzinfo)
    opens = opens if opens > local else datetime.combine(local.date() + timedelta(days=1), window.begins, local.tzinfo)
    return opens.astimezone(moment.tzinfo)


def _heard(member: Member, report: DeviceReport) -> bool:
    """Whether the device has seen its newest instruction; one that is not signed yet nobody has seen."""
    return member.signed is not None and report.assignment >= member.signed


def _told(member: Member, report: DeviceReport, release_id: str, now: datetime) -> Member:
    certificate = report.certificate if report.certificate and report.certificate.release_id == release_id else None
    if (why := _refusal(report, certificate)) is not None:
        return member.became(MemberPhase.FAILED, why)
    if not _settled(report, release_id) or not report.serving:
        return replace(member, reason=_trouble(report) or report.stage.value)
    if certificate is None and member.former != release_id:  # what it ran before, it need not prove again
        return replace(member, reason="it runs the release without a certificate")
    drift = report.drift if report.drift is not None and report.drift.new_release == release_id else None
    return member.became(MemberPhase.PROVED, proved_at=now, well_at=now, drift=drift)


def _settled(report: DeviceReport, release_id: str | None) -> bool:
    """Whether a release runs for good: until the switch is over it has yet to answer, and may still be put back."""
    return report.actual == release_id and report.stage is not Stage.SWITCHING


def _trouble(report: DeviceReport) -> str:
    """What went wrong last, where the device is trying again; empty if nothing did."""
    failure = report.failure
    return f"{failure.stage.value}: {failure.message}" if failure is not None and not failure.final else ""


def _refusal(report: DeviceReport, certificate: EngineCertificate | None) -> str | None:
    """Why the device failed for good, if it did."""
    if certificate is not None and not certificate.proved:
        return "refused its certificate: " + "; ".join(certificate.problems)[:500]
    if report.stage is Stage.FAILED and report.failure is not None and report.failure.final:
        return f"{report.failure.stage.value}: {report.failure.message}"
    if certificate is not None and (doubts := _doubts(certificate)):
        return f"its certificate {doubts}"
    return None


def _doubts(certificate: EngineCertificate) -> str:
    """What a certificate's own figures say against it: the device's verdict is not all there is."""
    budget = certificate.budget
    if not all(parity.holds for parity in certificate.parity):  # a release without networks has no fixtures
        return "does not show parity on every fixture"
    if certificate.latency_ms > budget.latency_ms:
        return f"shows {certificate.latency_ms:g} ms, more than {budget.latency_ms:g}"
    if certificate.memory_mib > budget.memory_mib:
        return f"shows {certificate.memory_mib:g} MiB, more than {budget.memory_mib:g}"
    return ""


def _proved(member: Member, report: DeviceReport, release_id: str, now: datetime) -> Member:
    if report.actual != release_id:
        why = f": {report.failure.message}" if report.failure is not None else ""
        return member.became(MemberPhase.FAILED, f"it proved, then went back to {report.actual}{why}")
    if not report.serving:
        return member  # a server may start anew; for how long is for `silent` to say
    drift = report.drift if report.drift is not None and report.drift.new_release == release_id else member.drift
    return replace(member, well_at=now, drift=drift)
