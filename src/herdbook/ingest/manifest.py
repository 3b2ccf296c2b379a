"""The manifest of what a device offers: valid, the one that was asked for, and of a size that can be."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.contracts.device_day import DayFile, FileKind, Manifest, manifest_sha256, parse_manifest
from herdbook.contracts.durable import make_folder, write_durably
from herdbook.contracts.ethogram import load_ethogram
from herdbook.contracts.records import RecordKind
from herdbook.errors import ConfigurationError, ManifestError, NotFoundError, TransferCorruptError
from herdbook.ingest.client import AgentClient, DayOffer
from herdbook.ingest.folders import DayFolders
from herdbook.ingest.quarantine import enter
from herdbook.ingest.result import Finding
from herdbook.ledger.models import DayState, Device, DeviceDay
from herdbook.ledger.session import ledger_session

MAX_BYTES = 16 * 1024**3
"""A day whose record files, or whose boxes, claim to be larger together is refused before any is fetched."""


def fetch_manifest(folders: DayFolders, device: Device, client: AgentClient, offer: DayOffer) -> tuple[bytes, Manifest]:
    """The exact bytes of the manifest on offer, and what they say.

    Raises:
        ManifestError: it is not valid, or not of this day; it is in quarantine.
        TransferCorruptError: it is not the one the device lists.
        ConfigurationError: it is of another farm or time zone than the device is enrolled with.
    """
    raw, etag = client.manifest(offer.day)
    if manifest_sha256(raw) != offer.manifest_sha256 or etag not in (None, offer.manifest_sha256):
        raise TransferCorruptError(
            f"{device.device_id} {offer.day}: the manifest is not the one the device lists",
            "It may have issued the day again just now: run the command again.",
        )
    try:
        manifest = parse_manifest(raw)
        _require_asked(manifest, folders, offer)
        _require_size("record", [manifest.record_file(kind) for kind in RecordKind])
        _require_size("boxes", manifest.of_kind(FileKind.BOXES))
        _require_ethograms(manifest)
    except ManifestError as error:
        _set_aside(folders, raw, error)
        raise
    if (manifest.farm_id, manifest.timezone) != (device.farm_id, device.timezone):
        raise ConfigurationError(
            f"'{device.device_id}' says it is on {manifest.farm_id} ({manifest.timezone}), "
            f"but is enrolled on {device.farm_id} ({device.timezone})",
            "Correct device.yaml there, or enrol it again with --farm and --timezone.",
        )
    return raw, manifest


def _require_asked(manifest: Manifest, folders: DayFolders, offer: DayOffer) -> None:
    asked = (folders.device_id, offer.day, offer.revision, offer.final)
    if (manifest.device_id, manifest.day, manifest.revision, manifest.final) != asked:
        raise ManifestError(
            f"asked for {folders.device_id} {offer.day} r{offer.revision}, "
            f"the manifest is of {manifest.device_id} {manifest.day} r{manifest.revision}"
        )


def _require_size(what: str, files: Iterable[DayFile]) -> None:
    size = sum(file.bytes for file in files)
    if size > MAX_BYTES:
        raise ManifestError(f"the {what} files are said to have {size} bytes, more than {MAX_BYTES}")


def _require_ethograms(manifest: Manifest) -> None:
    for release in manifest.releases:
        try:
            load_ethogram(release.ethogram_id)
        except NotFoundError as error:
            raise ManifestError(
                f"release '{release.release_id}': {error.message}",
                "Update this platform to one that knows the ethogram, then let the device issue the day again.",
            ) from error


def _set_aside(folders: DayFolders, raw: bytes, error: ManifestError) -> None:
    write_durably(make_folder(folders.quarantine) / "manifest.json", raw)
    with ledger_session(folders.settings) as session:
        row = session.get_one(DeviceDay, folders.key)
        row.state, row.message = DayState.QUARANTINED, error.message
        enter(session, folders, [Finding(type(error), "manifest.json", None, error.message)])
