"""Making a verified day durable: what is set aside first, then the clean records, and the marker last."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from herdbook.contracts.device_day import Manifest, manifest_sha256
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import make_folder, write_durably
from herdbook.contracts.landed_day import MARKER, LandedDay, Landing, read_landed_day
from herdbook.contracts.records import RecordKind
from herdbook.ingest.folders import DayFolders
from herdbook.ingest.quarantine import enter, parquet_bytes, set_aside_copy, set_aside_rows
from herdbook.ingest.verify import Verified
from herdbook.ledger.days import set_day
from herdbook.ledger.models import DayState
from herdbook.ledger.session import ledger_session


def land(folders: DayFolders, raw: bytes, manifest: Manifest, verified: Verified) -> LandedDay:
    """Land a day whose record files lie in ``folders.files``. Doing it twice changes nothing.

    Raises:
        IntegrityError: it cannot land; everything that is wrong with it is in quarantine and in the ledger.
        DiskFullError: no space is left.
    """
    for kind, rejected in verified.rejected.items():
        set_aside_rows(folders, manifest.record_file(kind).name, rejected)
    for kind in verified.broken:
        set_aside_copy(folders, folders.files / manifest.record_file(kind).name)
    if verified.fatal is None:
        _write(folders, raw, manifest, verified)
    state = DayState.LANDED if verified.fatal is None else DayState.QUARANTINED
    message = None if verified.fatal is None else verified.fatal.message
    with ledger_session(folders.settings) as session:
        sha256, final = manifest_sha256(raw), manifest.final
        set_day(session, folders.key, sha256=sha256, final=final, state=state, message=message)
        enter(session, folders, verified.findings)
    if verified.fatal is not None:
        raise verified.fatal
    return read_landed_day(folders.landing)


def tracks(landed: LandedDay) -> dict[RecordKind, pa.Table]:
    """The accepted tracklets and bouts of a landed day: what its footage is ranked by."""
    return {kind: pq.read_table(landed.record_path(kind)) for kind in (RecordKind.TRACKLET, RecordKind.BOUT)}


def _write(folders: DayFolders, raw: bytes, manifest: Manifest, verified: Verified) -> None:
    records: dict[RecordKind, str] = {}
    digests: dict[RecordKind, str] = {}
    for kind in RecordKind:
        entry = manifest.record_file(kind)
        records[kind], digests[kind] = f"files/{entry.name}", entry.sha256
        if kind in verified.rejected or kind in verified.broken:
            path = make_folder(folders.clean) / entry.name
            write_durably(path, parquet_bytes(verified.accepted[kind]))
            records[kind], digests[kind] = f"clean/{entry.name}", sha256_of(path)
    landing = Landing(
        manifest_sha256=manifest_sha256(raw),
        records=records,
        sha256=digests,
        rows={kind: verified.accepted[kind].num_rows for kind in RecordKind},
        quarantined_rows=verified.quarantined_rows,
    )
    write_durably(folders.landing / "manifest.json", raw)
    write_durably(folders.landing / MARKER, landing.model_dump_json(indent=1).encode())
