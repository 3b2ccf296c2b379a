"""One device day: fetched, verified, landed, its footage chosen and fetched, and only then acknowledged.

Every step can be repeated: what is here already is recognised and not fetched again. The order is what makes it safe:
records land (marker last) before any footage is asked for, and the device may free the day only after all that we want
of it, and all that was set aside, is durable here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from herdbook.contracts.device_day import Manifest, manifest_sha256, parse_manifest
from herdbook.contracts.durable import make_folder, write_durably
from herdbook.contracts.farmtime import day_extent
from herdbook.contracts.landed_day import MARKER, LandedDay, read_landed_day
from herdbook.contracts.records import RecordKind
from herdbook.errors import (
    ConfigurationError,
    DeviceClockError,
    ManifestError,
    NotFoundError,
    TransferCorruptError,
)
from herdbook.ingest.attempt import attempt
from herdbook.ingest.client import AgentClient, DayOffer
from herdbook.ingest.fetch import Wanted, fetch_all
from herdbook.ingest.folders import DayFolders, require_space
from herdbook.ingest.footage import fetch_footage
from herdbook.ingest.land import land, tracks
from herdbook.ingest.lock import device_lock
from herdbook.ingest.meter import Meter
from herdbook.ingest.quarantine import enter
from herdbook.ingest.result import Finding, IngestResult, IngestState, Progress
from herdbook.ingest.verify import verify_records
from herdbook.ledger.columns import utc_now
from herdbook.ledger.days import highest_revision, set_day
from herdbook.ledger.devices import find_device, read_token
from herdbook.ledger.models import DayState, Device, DeviceDay
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

MAX_RECORD_BYTES = 16 * 1024**3
"""A day whose record files claim to be larger together is refused before any is fetched."""


def ingest_day(settings: Settings, device_id: str, day: date, progress: Progress | None = None) -> IngestResult:
    """Pull one day of one device now.

    Raises:
        NotFoundError: the device is not enrolled, or has no such day.
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
            raise NotFoundError(f"'{device_id}' has no day {day}", "It may not have recorded it, or freed it already.")
        outcome.revision = offer.revision
        result = pull_offer(settings, device, client, offer, meter)
        outcome.findings = result.findings
    return result


def open_agent(settings: Settings, device: Device) -> AgentClient:
    """A client for the device's agent; close it."""
    return AgentClient(
        device.device_id,
        device.url,
        read_token(settings, device.device_id),
        ca_file=device.ca_file,
        timeout_s=settings.timeout_s,
    )


def pull_offer(settings: Settings, device: Device, client: AgentClient, offer: DayOffer, meter: Meter) -> IngestResult:
    """Pull what a device offers. The caller holds the device's lock and enters the attempt."""
    folders = DayFolders(settings, device.device_id, offer.day, offer.revision)
    before = meter.fetched
    known = _known(folders, offer)
    if known is not None and known.completed_at is not None:
        if offer.final and not offer.acknowledged:
            client.acknowledge(offer.day, offer.revision, offer.manifest_sha256)
        return IngestResult(device.device_id, offer.day, offer.revision, IngestState.UNCHANGED, folders.landing)
    findings: tuple[Finding, ...] = ()
    if known is not None and (folders.landing / MARKER).exists():
        landed = read_landed_day(folders.landing)
    else:
        landed, findings = _pull_records(folders, device, client, offer, meter)
    footage = fetch_footage(client, folders, landed.manifest, tracks(landed), meter)
    if footage.complete:
        if offer.final:
            client.acknowledge(offer.day, offer.revision, offer.manifest_sha256)
        with ledger_session(settings) as session:
            session.get_one(DeviceDay, folders.key).completed_at = utc_now()
    return IngestResult(
        device.device_id,
        offer.day,
        offer.revision,
        IngestState.LANDED,
        folders.landing,
        (*findings, *footage.findings),
        footage.kept,
        footage.skipped,
        meter.fetched - before,
    )


def _known(folders: DayFolders, offer: DayOffer) -> DeviceDay | None:
    """The ledger's row where the records of this revision landed before and are still of use.

    Raises:
        ManifestError: the device offers something else under the same revision, or an older revision than we have.
    """
    with ledger_session(folders.settings) as session:
        row = session.get(DeviceDay, folders.key)
        highest = highest_revision(session, folders.device_id, offer.day)
    if highest > offer.revision:
        raise ManifestError(
            f"{folders.device_id} {offer.day}: revision {offer.revision} is older than {highest}, which landed here",
            "The device may have been reset. Let it issue the day until its revision is higher; it keeps the day.",
        )
    if row is None:
        return None
    if row.manifest_sha256 != offer.manifest_sha256:
        raise ManifestError(
            f"{folders.device_id} {offer.day}: revision {offer.revision} is not the one it offered before",
            "A revision never changes. Let the device issue the day again: `herdbook edge reissue DAY` there.",
        )
    on_disk = (folders.landing / MARKER).exists()
    return row if row.state is DayState.LOADED or (row.state is DayState.LANDED and on_disk) else None


def _pull_records(
    folders: DayFolders, device: Device, client: AgentClient, offer: DayOffer, meter: Meter
) -> tuple[LandedDay, tuple[Finding, ...]]:
    settings = folders.settings
    if day_extent(offer.day, device.timezone).start > datetime.now(UTC) + timedelta(seconds=settings.clock_skew_s):
        raise DeviceClockError(f"'{device.device_id}' offers {offer.day}, a day that has not begun")
    with ledger_session(settings) as session:
        sha256, final = offer.manifest_sha256, offer.final
        set_day(session, folders.key, sha256=sha256, final=final, state=DayState.FETCHING)
    folders.sweep()
    raw, etag = client.manifest(offer.day)
    if manifest_sha256(raw) != offer.manifest_sha256 or etag not in (None, offer.manifest_sha256):
        raise TransferCorruptError(
            f"{device.device_id} {offer.day}: the manifest is not the one the device lists",
            "It may have issued the day again just now: run the command again.",
        )
    manifest = _parse(folders, offer, raw)
    if (manifest.farm_id, manifest.timezone) != (device.farm_id, device.timezone):
        raise ConfigurationError(
            f"'{device.device_id}' says it is on {manifest.farm_id} ({manifest.timezone}), "
            f"but is enrolled on {device.farm_id} ({device.timezone})",
            "Correct device.yaml there, or enrol it again with --farm and --timezone.",
        )
    _fetch_records(folders, client, manifest, meter)
    verified = verify_records(manifest, folders.files)
    return land(folders, raw, manifest, verified), tuple(verified.findings)


def _parse(folders: DayFolders, offer: DayOffer, raw: bytes) -> Manifest:
    """The manifest, if it is valid and the one that was asked for; otherwise it goes to quarantine."""
    try:
        manifest = parse_manifest(raw)
        asked = (folders.device_id, offer.day, offer.revision, offer.final)
        if (manifest.device_id, manifest.day, manifest.revision, manifest.final) != asked:
            raise ManifestError(
                f"asked for {folders.device_id} {offer.day} r{offer.revision}, "
                f"the manifest is of {manifest.device_id} {manifest.day} r{manifest.revision}"
            )
        size = sum(manifest.record_file(kind).bytes for kind in RecordKind)
        if size > MAX_RECORD_BYTES:
            raise ManifestError(f"the record files are said to have {size} bytes, more than {MAX_RECORD_BYTES}")
    except ManifestError as error:
        write_durably(make_folder(folders.quarantine) / "manifest.json", raw)
        with ledger_session(folders.settings) as session:
            row = session.get_one(DeviceDay, folders.key)
            row.state, row.message = DayState.QUARANTINED, error.message
            enter(session, folders, [Finding(type(error), "manifest.json", None, error.message)])
        raise
    return manifest


def _fetch_records(folders: DayFolders, client: AgentClient, manifest: Manifest, meter: Meter) -> None:
    make_folder(folders.files)
    make_folder(folders.record_parts)
    targets: dict[str, list[tuple[Path, int]]] = {}
    files = [manifest.record_file(kind) for kind in RecordKind]
    for file in files:
        path = folders.files / file.name
        if not path.exists() or path.stat().st_size != file.bytes:
            targets.setdefault(file.sha256, []).append((path, file.bytes))
    wanted = [Wanted(sha256, same[0][1], tuple(path for path, _ in same)) for sha256, same in targets.items()]
    total, missing = sum(file.bytes for file in files), sum(item.size for item in wanted)
    meter.begin(f"{folders.device_id} {folders.day} records", total - missing, total)
    require_space(folders.files, missing)
    parallel = folders.settings.parallel_files
    fetch_all(client, wanted, folders.record_parts, parallel=parallel, on_bytes=meter.add)
