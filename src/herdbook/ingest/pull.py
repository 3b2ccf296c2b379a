"""One device day: fetched, verified, landed, its footage chosen and fetched, and only then acknowledged.

Every step can be repeated: what is here already is recognised and not fetched again. The order is what makes it safe:
records land (marker last) before any footage is asked for, and the device may free the day only after all that we want
of it, and all that was set aside, is durable here.
"""

from __future__ import annotations

from datetime import date

from herdbook.contracts.landed_day import LandedDay, read_landed_day, verify_landed_day
from herdbook.errors import LandedDayError, ManifestError, NotFoundError
from herdbook.ingest.attempt import attempt
from herdbook.ingest.client import AgentClient, DayOffer
from herdbook.ingest.folders import DayFolders
from herdbook.ingest.footage import Footage, fetch_footage
from herdbook.ingest.lock import device_lock
from herdbook.ingest.meter import Meter
from herdbook.ingest.records import pull_records
from herdbook.ingest.result import Finding, IngestResult, IngestState, Progress
from herdbook.ledger.columns import utc_now
from herdbook.ledger.days import highest_revision
from herdbook.ledger.devices import find_device, read_token
from herdbook.ledger.models import DayState, Device, DeviceDay
from herdbook.ledger.session import ledger_session
from herdbook.ledger.transport import agent_trust
from herdbook.settings import Settings


def ingest_day(settings: Settings, device_id: str, day: date, progress: Progress | None = None) -> IngestResult:
    """Pull one day of one device now. What has landed and is not loaded yet is verified, and mended where it can be.

    Raises:
        NotFoundError: the device is not enrolled, has no such day, or has freed it.
        DeviceError, IntegrityError, StorageError: the day could not land; the ledger has the attempt.
    """
    device = find_device(settings, device_id)
    meter = Meter(progress)
    with (
        device_lock(settings, device_id),
        attempt(settings, device_id, day, meter) as outcome,
        open_agent(settings, device) as client,
    ):
        client.check(settings.clock_skew_s)
        offer = next((offer for offer in client.days() if offer.day == day), None)
        if offer is None:
            outcome.missing = True
            raise NotFoundError(f"'{device_id}' has no day {day}", "It may not have recorded it, or freed it already.")
        outcome.revision = offer.revision
        pull = DayPull(settings, device, client, offer, meter)
        pull.land_records()
        result = pull.fetch_footage()
        outcome.findings = result.findings
    return result


def open_agent(settings: Settings, device: Device) -> AgentClient:
    """A client for the device's agent; close it."""
    return AgentClient(
        device.device_id,
        device.url,
        read_token(settings, device.device_id),
        trust=agent_trust(settings, device.url, device.ca_file),
        timeout_s=settings.timeout_s,
    )


class DayPull:
    """What a device offers of one day, on its way here in two halves: `land_records`, then `fetch_footage`.

    The caller holds the device's lock and enters the attempts.
    """

    def __init__(self, settings: Settings, device: Device, client: AgentClient, offer: DayOffer, meter: Meter) -> None:
        self.offer = offer
        self._device, self._client, self._meter, self._settings = device, client, meter, settings
        self._folders = DayFolders(settings, device.device_id, offer.day, offer.revision)
        self._landed: LandedDay | None = None
        self._complete = False
        self.findings: tuple[Finding, ...] = ()
        """What of the records went to quarantine in this attempt."""
        self._bytes = 0

    def land_records(self) -> None:
        """The first half: afterwards the records are durable here, whatever becomes of the footage.

        Raises:
            IntegrityError, DeviceError, StorageError: they could not land.
            NotFoundError: the device has freed the day.
        """
        known = self._known()
        self._complete = known is not None and known.completed_at is not None
        if known is not None and known.state is DayState.LOADED and self._complete:
            return  # the lake has it: what landed may be gone by now
        self._landed = None if known is None else self._intact()
        if self._landed is None:
            self._complete = False
            before = self._meter.fetched
            arguments = (self._folders, self._device, self._client, self.offer, self._meter)
            self._landed, self.findings = pull_records(*arguments)
            self._bytes += self._meter.fetched - before

    def fetch_footage(self) -> IngestResult:
        """The second half: what footage is wanted, and the acknowledgement of a day that is final and complete.

        Raises:
            DeviceError, StorageError: not all could be fetched; a later attempt goes on.
        """
        if self._complete or self._landed is None:
            if self.offer.final and not self.offer.acknowledged:
                self._acknowledge()
            return self._result(IngestState.UNCHANGED, Footage())
        before = self._meter.fetched
        gone = self.offer.acknowledged  # then the device may have freed it, and no later night gets more
        footage = fetch_footage(self._client, self._folders, self._landed, self._meter, lost_for_good=gone)
        self._bytes += self._meter.fetched - before
        if footage.complete:
            if self.offer.final:
                self._acknowledge()
            with ledger_session(self._settings) as session:
                session.get_one(DeviceDay, self._folders.key).completed_at = utc_now()
        return self._result(IngestState.LANDED, footage)

    def _acknowledge(self) -> None:
        self._client.acknowledge(self.offer.day, self.offer.revision, self.offer.manifest_sha256)

    def _result(self, state: IngestState, footage: Footage) -> IngestResult:
        return IngestResult(
            self._device.device_id,
            self.offer.day,
            self.offer.revision,
            state,
            self._folders.landing,
            (*self.findings, *footage.findings),
            footage.kept,
            footage.skipped,
            self._bytes,
        )

    def _known(self) -> DeviceDay | None:
        """The ledger's row where this revision landed before.

        Raises:
            ManifestError: the device offers something else under the same revision, or an older one than we have.
        """
        folders, offer = self._folders, self.offer
        which = f"{folders.device_id} {offer.day}: revision {offer.revision}"
        with ledger_session(self._settings) as session:
            row = session.get(DeviceDay, folders.key)
            highest = highest_revision(session, folders.device_id, offer.day)
        if highest > offer.revision:
            raise ManifestError(
                f"{which} is older than {highest}, which landed here",
                "The device may have been reset. Let it issue the day until its revision is higher; it keeps the day.",
            )
        if row is not None and row.manifest_sha256 != offer.manifest_sha256:
            raise ManifestError(
                f"{which} is not the one it offered before",
                "A revision never changes. Let the device issue the day again: `herdbook edge reissue DAY` there.",
            )
        return row if row is not None and row.state in (DayState.LANDED, DayState.LOADED) else None

    def _intact(self) -> LandedDay | None:
        """What landed, if it is all there and as it was."""
        try:
            landed = read_landed_day(self._folders.landing)
            verify_landed_day(landed)
        except LandedDayError:
            return None
        return landed
