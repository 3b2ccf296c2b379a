"""The first half of a day: its five record files, verified and landed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from herdbook.contracts.device_day import DayFile, Manifest
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import make_folder
from herdbook.contracts.farmtime import day_extent
from herdbook.contracts.landed_day import MARKER, LandedDay
from herdbook.contracts.records import RecordKind
from herdbook.errors import DeviceClockError, NotFoundError, TransferCorruptError
from herdbook.ingest.client import AgentClient, DayOffer
from herdbook.ingest.fetch import Wanted, fetch_all
from herdbook.ingest.folders import DayFolders, require_space
from herdbook.ingest.land import land
from herdbook.ingest.manifest import fetch_manifest
from herdbook.ingest.meter import Meter
from herdbook.ingest.result import Finding
from herdbook.ingest.verify import verify_records
from herdbook.ledger.days import set_day
from herdbook.ledger.models import DayState, Device, DeviceDay
from herdbook.ledger.session import ledger_session


def pull_records(
    folders: DayFolders, device: Device, client: AgentClient, offer: DayOffer, meter: Meter
) -> tuple[LandedDay, tuple[Finding, ...]]:
    """Fetch what is not here yet, verify all of it, land it.

    Returns:
        The landed day, and what of it went to quarantine.

    Raises:
        DeviceClockError: the day has not begun.
        NotFoundError: the device has freed the day; that is entered, and this revision is not asked for again.
        IntegrityError, DeviceError, StorageError: it could not be fetched whole, or cannot land.
    """
    settings = folders.settings
    if day_extent(offer.day, device.timezone).start > datetime.now(UTC) + timedelta(seconds=settings.clock_skew_s):
        raise DeviceClockError(f"'{device.device_id}' offers {offer.day}, a day that has not begun")
    with ledger_session(settings) as session:
        sha256, final = offer.manifest_sha256, offer.final
        row = set_day(session, folders.key, sha256=sha256, final=final, state=DayState.FETCHING)
        row.completed_at = None
    folders.sweep()
    raw, manifest = fetch_manifest(folders, device, client, offer)
    try:
        _fetch(folders, client, manifest, meter)
    except TransferCorruptError as error:
        if not offer.acknowledged:
            raise
        raise _freed(folders, error) from error
    verified = verify_records(manifest, folders.files)
    return land(folders, raw, manifest, verified), tuple(verified.findings)


def _fetch(folders: DayFolders, client: AgentClient, manifest: Manifest, meter: Meter) -> None:
    make_folder(folders.files)
    make_folder(folders.record_parts)
    targets: dict[str, list[Path]] = {}
    files = [manifest.record_file(kind) for kind in RecordKind]
    sizes = {file.sha256: file.bytes for file in files}
    for file in files:
        if not _is_here(folders.files / file.name, file):
            targets.setdefault(file.sha256, []).append(folders.files / file.name)
    wanted = [Wanted(sha256, sizes[sha256], tuple(paths)) for sha256, paths in targets.items()]
    total, missing = sum(file.bytes for file in files), sum(item.size for item in wanted)
    meter.begin(f"{folders.device_id} {folders.day} records", total - missing, total)
    require_space(folders.files, missing)
    parallel = folders.settings.parallel_files
    fetch_all(client, wanted, folders.record_parts, parallel=parallel, on_bytes=meter.add)


def _is_here(path: Path, file: DayFile) -> bool:
    """Whether a file has its own bytes: what was altered on our disk must not be held against the device."""
    return path.exists() and path.stat().st_size == file.bytes and sha256_of(path) == file.sha256


def _freed(folders: DayFolders, error: TransferCorruptError) -> NotFoundError:
    """What it means that a day the device calls acknowledged cannot be had."""
    message = f"the device was told that the day is safe elsewhere, and may have freed it: {error.message}"
    landed = (folders.landing / MARKER).exists()  # all but what was altered or is gone here
    with ledger_session(folders.settings) as session:
        row = session.get_one(DeviceDay, folders.key)
        row.state, row.message = DayState.LANDED if landed else DayState.QUARANTINED, message
    return NotFoundError(
        message,
        f"Restore {folders.landing} from a backup; or, where the footage is still on the device, let it issue the day "
        "again: `herdbook edge reissue DAY` there.",
    )
