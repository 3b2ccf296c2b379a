"""A night with one device: every day up to yesterday that is not here yet, oldest first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta

from sqlalchemy import func, select

from herdbook.contracts.farmtime import require_day
from herdbook.contracts.landed_day import MARKER
from herdbook.errors import (
    DeviceAuthenticationError,
    DeviceUnreachableError,
    HerdbookError,
    IntegrityError,
    NotFoundError,
    NotInitialisedError,
    ReleaseDataError,
    StorageError,
    TransferCorruptError,
)
from herdbook.ingest.alerts import fetch_alerts
from herdbook.ingest.attempt import Outcome, attempt
from herdbook.ingest.client import AgentClient, DayOffer
from herdbook.ingest.folders import DayFolders
from herdbook.ingest.lock import device_lock
from herdbook.ingest.meter import Meter
from herdbook.ingest.pull import DayPull, open_agent
from herdbook.ingest.result import Finding, IngestResult, IngestState, Progress
from herdbook.ledger.columns import utc_now
from herdbook.ledger.devices import find_device
from herdbook.ledger.models import DAY_MISSING, Attempt, DayState, Device, DeviceDay
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

_ENDS_A_NIGHT = (DeviceUnreachableError, DeviceAuthenticationError, StorageError)
"""What the next day would meet, too."""


def ingest_device(
    settings: Settings, device_id: str, until: date, progress: Progress | None = None
) -> list[IngestResult]:
    """Pull a device's alerts, and every day that it offers up to ``until`` and that is not complete here: all records,
    then all footage.

    A day that cannot land does not stop the others. A device that stops answering, or a full disk, ends the half of the
    night that it happens in; later nights go on. Days of the last ``settings.lookback_days`` that the device should
    have and has not are reported as missing.

    Raises:
        DeviceError: the device does not answer, refuses us, or its clock is wrong. Nothing was fetched.
        NotFoundError: it is not enrolled.
        InputError: no farm has a day ``until``.
    """
    require_day(until)
    device = find_device(settings, device_id)
    with (
        device_lock(settings, device_id),
        attempt(settings, device_id, None) as outcome,
        open_agent(settings, device) as client,
    ):
        client.check(settings.clock_skew_s)
        of_alerts = tuple(_alerts(settings, device, client))
        results = _night(settings, device, client, until, Meter(progress))
        outcome.findings = (*_troubles(results), *of_alerts)
    return results


def _alerts(settings: Settings, device: Device, client: AgentClient) -> Iterator[Finding]:
    """Fetch the device's alerts before anything large. Whatever is wrong with them, the night goes on: what was not
    acknowledged stays on the device."""
    try:
        told = fetch_alerts(settings, device, client)
    except NotInitialisedError:  # without a lake there is nowhere to keep them yet
        return
    except HerdbookError as error:
        yield Finding(type(error), None, None, f"alerts: {error.message}", error.remedy)
        return
    if told.problem is not None:
        yield Finding(ReleaseDataError, None, None, f"'{device.device_id}' raises no alerts: {told.problem}")


def first_failure(results: list[IngestResult]) -> HerdbookError | None:
    """The first thing of a night that needs a person, as an error to raise; none where all is well."""
    first = next(_troubles(results), None)
    return None if first is None else first.as_error()


def _troubles(results: list[IngestResult]) -> Iterator[Finding]:
    """What another try may cure comes first, then days that were refused, then findings of days that landed."""
    for state in (IngestState.FAILED, IngestState.QUARANTINED, IngestState.LANDED):
        for result in results:
            if result.state is state:
                yield from result.findings


def _night(settings: Settings, device: Device, client: AgentClient, until: date, meter: Meter) -> list[IngestResult]:
    offers = client.days()
    earliest = until - timedelta(days=settings.lookback_days)
    results = []
    for day in _missing(settings, device, offers, earliest, until):
        _note_missing(settings, device, day)
        results.append(IngestResult(device.device_id, day, None, IngestState.MISSING))
    due = [offer for offer in offers if offer.day <= until and _is_pending(settings, device, offer)]
    pulls = [DayPull(settings, device, client, offer, meter) for offer in due]
    # Records of every day before footage of any: a poor line costs the night footage, not answers.
    landed = []
    for pull in pulls:
        try:
            with _attempt(settings, device, pull, meter):
                pull.land_records()
            landed.append(pull)
        except HerdbookError as error:
            results.append(_failed(device, pull, error))
            if isinstance(error, _ENDS_A_NIGHT):
                break
    for n, pull in enumerate(landed):
        try:
            with _attempt(settings, device, pull, meter) as outcome:
                result = pull.fetch_footage()
                outcome.findings = result.findings
            results.append(result)
        except HerdbookError as error:
            ends = isinstance(error, _ENDS_A_NIGHT)
            results += [_failed(device, waiting, error) for waiting in (landed[n:] if ends else [pull])]
            if ends:
                break
    return sorted(results, key=lambda result: result.day)


def _attempt(settings: Settings, device: Device, pull: DayPull, meter: Meter) -> AbstractContextManager[Outcome]:
    return attempt(settings, device.device_id, pull.offer.day, meter, revision=pull.offer.revision)


def _is_pending(settings: Settings, device: Device, offer: DayOffer) -> bool:
    """Whether there is anything to do: not when it is complete here, nor when this very manifest cannot land."""
    with ledger_session(settings) as session:
        row = session.get(DeviceDay, (device.device_id, offer.day, offer.revision))
    if row is None or row.manifest_sha256 != offer.manifest_sha256:
        return True
    if row.state is DayState.QUARANTINED:
        return False
    marker = DayFolders(settings, device.device_id, offer.day, offer.revision).landing / MARKER
    if row.state is DayState.LANDED and not marker.exists():
        return True
    return row.completed_at is None or (offer.final and not offer.acknowledged)


def _missing(settings: Settings, device: Device, offers: list[DayOffer], earliest: date, until: date) -> list[date]:
    """Days between the first one ever known and ``until`` that are neither offered nor here."""
    with ledger_session(settings) as session:
        of_device = select(DeviceDay.day).where(DeviceDay.device_id == device.device_id)
        here = set(session.scalars(of_device.where(DeviceDay.state.in_([DayState.LANDED, DayState.LOADED]))))
        first = session.scalar(select(func.min(DeviceDay.day)).where(DeviceDay.device_id == device.device_id))
    known = here | {offer.day for offer in offers}
    start = max(earliest, min([*known, first or until, until]))
    days = (start + timedelta(days=i) for i in range((until - start).days + 1))
    return [day for day in days if day not in known]


def _note_missing(settings: Settings, device: Device, day: date) -> None:
    now = utc_now()
    with ledger_session(settings) as session:
        session.add(
            Attempt(
                device_id=device.device_id,
                day=day,
                started_at=now,
                ended_at=now,
                exit_code=NotFoundError.exit_code,
                error=DAY_MISSING,
                message=f"'{device.device_id}' has no day {day} yet",
            )
        )


def _failed(device: Device, pull: DayPull, error: HerdbookError) -> IngestResult:
    state = IngestState.FAILED
    if isinstance(error, IntegrityError) and not isinstance(error, TransferCorruptError):
        state = IngestState.QUARANTINED
    elif isinstance(error, NotFoundError):
        state = IngestState.MISSING
    finding = Finding(type(error), None, None, error.message, error.remedy)
    return IngestResult(
        device.device_id, pull.offer.day, pull.offer.revision, state, findings=(finding, *pull.findings)
    )
