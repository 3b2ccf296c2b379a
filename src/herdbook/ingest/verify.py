"""The record files of a fetched day against the contract: what is accepted, what is set aside, whether it can land."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from herdbook.contracts.device_day import DayFile, Manifest
from herdbook.contracts.records import RECORDS, RecordKind
from herdbook.errors import IntegrityError, RecordSchemaError, RowCountError
from herdbook.ingest.checks import Context, Tracklets, check_rows
from herdbook.ingest.recordfile import read_record_file
from herdbook.ingest.result import Finding
from herdbook.ingest.sieve import Sieve

ESSENTIAL = (RecordKind.COVERAGE, RecordKind.TRACKLET)
"""Without these there is nothing to hang the rest on, and no denominators."""


@dataclass
class Verified:
    """Every row sent is in ``accepted``, in ``rejected``, or in one of the ``broken`` files."""

    accepted: dict[RecordKind, pa.Table] = field(default_factory=dict)
    rejected: dict[RecordKind, pa.Table] = field(default_factory=dict)
    """Only kinds that lost rows, with `sieve.REJECT_COLUMNS`."""
    broken: dict[RecordKind, IntegrityError] = field(default_factory=dict)
    """Kinds whose file is set aside as a whole; nothing of it is accepted."""
    findings: list[Finding] = field(default_factory=list)
    fatal: IntegrityError | None = None
    """Why the day cannot land."""

    @property
    def quarantined_rows(self) -> int:
        """Rows rejected one by one."""
        return sum(table.num_rows for table in self.rejected.values())


def verify_records(manifest: Manifest, folder: Path) -> Verified:
    """Check the five record files in ``folder``. Reads each whole: a day of a device fits in memory."""
    verified = Verified()
    context = Context(manifest)
    for kind in RecordKind:
        entry = manifest.record_file(kind)
        sieve = _read(kind, entry, folder, verified)
        check_rows(kind, sieve, context)
        verified.accepted[kind] = sieve.accepted()
        findings = sieve.findings()
        verified.findings += findings
        if findings:
            verified.rejected[kind] = sieve.rejected()
        if kind in ESSENTIAL and findings and not verified.accepted[kind].num_rows and verified.fatal is None:
            cause = findings[0].error
            assert issubclass(cause, IntegrityError), "a sieve rejects for no other reason"
            verified.fatal = cause(
                f"every row of {entry.name} is in quarantine, so the day cannot land: {findings[0].message}"
            )
        if kind is RecordKind.TRACKLET:
            context.tracklets = Tracklets(verified.accepted[kind], sieve.table["tracklet_id"].combine_chunks())
    return verified


def _read(kind: RecordKind, entry: DayFile, folder: Path, verified: Verified) -> Sieve:
    schema = RECORDS[kind].schema
    try:
        table = read_record_file(folder / entry.name, entry, schema)
    except (RecordSchemaError, RowCountError) as error:
        verified.broken[kind] = error
        verified.findings.append(Finding(type(error), entry.name, None, error.message))
        if kind in ESSENTIAL and verified.fatal is None:
            verified.fatal = type(error)(f"{error.message}; without its {kind.value} rows the day cannot land")
        table = schema.empty_table()
    return Sieve(table, entry.name)
