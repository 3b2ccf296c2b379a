"""A night with one device: every day up to yesterday that is not here yet, oldest first."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import func, select

from herdbook.errors import (
    DeviceError,
    HerdbookError,
    IntegrityError,
    NotFoundError,
    StorageError,
    TransferCorruptError,
)
from herdbook.ingest.attempt import attempt
from herdbook.ingest.client import AgentClient, DayOffer
from herdbook.ingest.lock import device_lock
from herdbook.ingest.meter import Meter
from herdbook.ingest.pull import open_agent, pull_offer
from herdbook.ingest.result import Finding, IngestResult, IngestState, Progress
from herdbook.ledger.columns import utc_now
from herdbook.ledger.devices import find_device
from herdbook.ledger.models import Attempt, DayState, Device, DeviceDay
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings


def ingest_device(
    settings: Settings, device_id: str, until: date, progress: Progress | None = None
) -> list[IngestResult]:
    """Pull every pending day of a device up to ``until``, looking back ``settings.lookback_days``.

    A day that cannot land does not stop the others. A device that stops answering, or a full disk, ends the night with
    that day's result as the last; later nights go on. Days that the device should have and has not are reported as
    missing.

    Raises:
        DeviceError: the device does not answer, refuses us, or its clock is wrong. Nothing was fetched.
        NotFoundError: it is not enrolled.
    """
    device = find_device(settings, device_id)
    meter = Meter(progress)
    with device_lock(settings, device_id):
        with attempt(settings, device_id, None, meter):
            client = open_agent(settings, device)
            try:
                client.check(settings.clock_skew_s)
                offers = client.days()
            except BaseException:
                client.close()
                raise
        with client:
            return _night(settings, device, client, offers=offers, until=until, meter=meter)


def first_failure(results: list[IngestResult]) -> HerdbookError | None:
    """The first thing of a night that needs a person, as an error to raise; none where all is well.

    What another try may cure comes first, then days that were refused, then findings of days that landed.
    """
    order = [IngestState.FAILED, IngestState.QUARANTINED, IngestState.LANDED]
    for result in sorted((r for r in results if r.state in order), key=lambda r: order.index(r.state)):
        for finding in result.findings:
            return finding.as_error()
    return None


def _night(
    settings: Settings, device: Device, client: AgentClient, *, offers: list[DayOffer], until: date, meter: Meter
) -> list[IngestResult]:
    earliest = until - timedelta(days=settings.lookback_days)
    results = []
    for day in _missing(settings, device, offers, earliest, until):
        _note_missing(settings, device, day)
        results.append(IngestResult(device.device_id, day, None, IngestState.MISSING))
    for offer in (offer for offer in offers if earliest <= offer.day <= until):
        if not _is_pending(settings, device, offer):
            continue
        try:
            with attempt(settings, device.device_id, offer.day, meter) as outcome:
                outcome.revision = offer.revision
                result = pull_offer(settings, device, client, offer, meter)
                outcome.findings = result.findings
        except HerdbookError as error:
            results.append(_failed(device, offer, error))
            if isinstance(error, DeviceError | StorageError):
                break
        else:
            results.append(result)
    return sorted(results, key=lambda result: result.day)


def _is_pending(settings: Settings, device: Device, offer: DayOffer) -> bool:
    """Whether there is anything to do: not when it is complete here, nor when this very manifest was refused."""
    with ledger_session(settings) as session:
        row = session.get(DeviceDay, (device.device_id, offer.day, offer.revision))
    if row is None or row.manifest_sha256 != offer.manifest_sha256:
        return True
    if row.state is DayState.QUARANTINED:
        return False
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
                error=NotFoundError.__name__,
                message=f"'{device.device_id}' has no day {day} yet",
            )
        )


def _failed(device: Device, offer: DayOffer, error: HerdbookError) -> IngestResult:
    refused = isinstance(error, IntegrityError) and not isinstance(error, TransferCorruptError)
    state = IngestState.QUARANTINED if refused else IngestState.FAILED
    finding = Finding(type(error), None, None, error.message, error.remedy)
    return IngestResult(device.device_id, offer.day, offer.revision, state, findings=(finding,))
