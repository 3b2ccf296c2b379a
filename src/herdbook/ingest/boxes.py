"""Boxes beside the footage: read piece by piece, and refused as a whole where a row cannot be true."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from herdbook.contracts.device_day import DayFile
from herdbook.contracts.landed_day import LandedDay
from herdbook.contracts.records import BOXES_SCHEMA, RecordKind
from herdbook.errors import DayBoundaryError, ForeignKeyError, IntegrityError, RecordValueError
from herdbook.ingest.checks import Context
from herdbook.ingest.recordfile import record_batches
from herdbook.ingest.sieve import Sieve

_REMEDY = "The boxes are in quarantine, the records are loaded. Update the device's software and issue the day again."


class BoxesCheck:
    """Checks boxes files of one landed day."""

    def __init__(self, landed: LandedDay) -> None:
        self._landed, self._context = landed, Context(landed.manifest)

    @cached_property
    def _tracklets(self) -> object:
        """As the device sent them: boxes of a tracklet that went to quarantine are no fault of theirs."""
        name = self._landed.manifest.record_file(RecordKind.TRACKLET).name
        return pq.read_table(self._landed.folder / "files" / name, columns=["tracklet_id"])["tracklet_id"]

    def check(self, path: Path, entry: DayFile) -> None:
        """Check a file.

        Raises:
            RecordSchemaError, RowCountError: it is not what the manifest says.
            ForeignKeyError: a row names a clip or tracklet that the day does not have.
            DayBoundaryError: a row lies outside the day.
            RecordValueError: a frame before the first, or a box that is not one.
        """
        for batch in record_batches(path, entry, BOXES_SCHEMA):
            sieve = Sieve(batch, entry.name)
            self._mark(sieve)
            for finding in sieve.findings():
                assert issubclass(finding.error, IntegrityError), "a sieve rejects for no other reason"
                raise finding.error(finding.message, _REMEDY)

    def _mark(self, sieve: Sieve) -> None:
        context = self._context
        sieve.reject(~sieve.among("clip", context.clips), ForeignKeyError, "clip is not in the manifest")
        sieve.reject(~sieve.among("tracklet_id", self._tracklets), ForeignKeyError, "tracklet_id is not of the day")
        at = sieve.micros("at")
        sieve.reject((at < context.start) | (at >= context.end), DayBoundaryError, "outside the farm-local day")
        sieve.reject(sieve.floats("frame") < 1, RecordValueError, "frame is less than 1")
        for name in ("x", "y"):
            sieve.reject(~np.isfinite(sieve.floats(name)), RecordValueError, f"{name} is not finite")
        for name in ("width", "height"):
            size = sieve.floats(name)
            sieve.reject(~(np.isfinite(size) & (size >= 0)), RecordValueError, f"{name} is not finite and at least 0")
        confidence = sieve.floats("confidence")
        sieve.reject(~((confidence >= 0) & (confidence <= 1)), RecordValueError, "confidence is not between 0 and 1")
