"""What is set aside: durable, with its reason, and entered in the ledger."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import delete
from sqlalchemy.orm import Session

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.ingest.files import link_durably
from herdbook.ingest.folders import DayFolders
from herdbook.ingest.result import Finding
from herdbook.ledger.models import QuarantineEntry


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as a Parquet file; the same rows give the same bytes."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def rows_path(folders: DayFolders, file: str) -> Path:
    """Where rejected rows of a record file lie."""
    return folders.quarantine / f"{file.removesuffix('.parquet')}.rejected.parquet"


def set_aside_rows(folders: DayFolders, file: str, rejected: pa.Table) -> None:
    """Keep rejected rows, with `sieve.REJECT_COLUMNS`."""
    make_folder(folders.quarantine)
    write_durably(rows_path(folders, file), parquet_bytes(rejected))


def set_aside_copy(folders: DayFolders, source: Path) -> None:
    """Keep a whole file as the device sent it; the landed one stays too."""
    link_durably(source, make_folder(folders.quarantine) / source.name)


def enter(session: Session, folders: DayFolders, findings: Iterable[Finding]) -> None:
    """Enter findings in the ledger, in place of what it said of the same files."""
    findings = [finding for finding in findings if finding.file is not None]
    of_day = (
        QuarantineEntry.device_id == folders.device_id,
        QuarantineEntry.day == folders.day,
        QuarantineEntry.revision == folders.revision,
    )
    files = {finding.file for finding in findings}
    session.execute(delete(QuarantineEntry).where(*of_day, QuarantineEntry.file.in_(files)))
    for finding in findings:
        assert finding.file is not None, "filtered above"
        whole = finding.rows is None
        path = folders.quarantine / finding.file if whole else rows_path(folders, finding.file)
        session.add(
            QuarantineEntry(
                device_id=folders.device_id,
                day=folders.day,
                revision=folders.revision,
                file=finding.file,
                error=finding.error.__name__,
                exit_code=finding.error.exit_code,
                message=finding.message,
                rows=finding.rows,
                path=str(path.relative_to(folders.settings.quarantine)),
            )
        )
