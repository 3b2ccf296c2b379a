"""Rows through a sieve: the first reason to reject a row is the one that is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from herdbook.errors import IntegrityError
from herdbook.ingest.result import Finding

Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

REJECT_COLUMNS = ("rejected_error", "rejected_reason", "source_file", "source_row")
"""Unlike any column of a record kind: coverage has a ``reason`` of its own."""


@dataclass(frozen=True)
class _Reason:
    error: type[IntegrityError]
    message: str


@dataclass
class Sieve:
    """A table of one file, its rows each accepted or rejected for one reason. The file's order is kept."""

    table: pa.Table
    file: str
    _reasons: list[_Reason] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.table = self.table.combine_chunks()
        self._verdict = np.zeros(self.table.num_rows, dtype=np.int16)

    def reject(self, bad: Mask, error: type[IntegrityError], message: str) -> None:
        """Reject those marked rows that are still accepted."""
        fresh = bad & self.kept
        if fresh.any():
            self._reasons.append(_Reason(error, message))
            self._verdict[fresh] = len(self._reasons)

    @property
    def kept(self) -> Mask:
        """Which rows are still accepted."""
        kept: Mask = self._verdict == 0
        return kept

    def accepted(self) -> pa.Table:
        """The accepted rows."""
        return self.table.filter(pa.array(self.kept))

    def rejected(self) -> pa.Table:
        """The rejected rows with why and whence: ``REJECT_COLUMNS``; ``source_row`` counts from 0 in the file."""
        rows = np.flatnonzero(~self.kept)
        reasons = [self._reasons[code - 1] for code in self._verdict[rows]]
        columns: tuple[pa.Array, ...] = (
            pa.array([reason.error.__name__ for reason in reasons], pa.string()),
            pa.array([reason.message for reason in reasons], pa.string()),
            pa.array([self.file] * len(rows), pa.string()),
            pa.array(rows, pa.int64()),
        )
        table = self.table.take(pa.array(rows))
        for name, column in zip(REJECT_COLUMNS, columns, strict=True):
            table = table.append_column(name, column)
        return table

    def findings(self) -> list[Finding]:
        """Each reason with its number of rows, most rows first."""
        counts = np.bincount(self._verdict, minlength=len(self._reasons) + 1)[1:]
        found = [
            Finding(reason.error, self.file, int(count), f"{self.file}: {count} rows: {reason.message}")
            for reason, count in zip(self._reasons, counts, strict=True)
        ]
        return sorted(found, key=lambda finding: -(finding.rows or 0))

    # -- columns as arrays -------------------------------------------------------------------------------------------

    def micros(self, name: str) -> Integers:
        """A column of instants as microseconds since 1970."""
        values: Integers = self.table[name].cast(pa.int64()).to_numpy()
        return values

    def floats(self, name: str) -> Floats:
        """A number column; null is NaN."""
        values: Floats = self.table[name].cast(pa.float64()).to_numpy()
        return values

    def present(self, name: str) -> Mask:
        """Where a column is not null."""
        return as_mask(pc.is_valid(self.table[name]))

    def among(self, name: str, allowed: pa.Array) -> Mask:
        """Where a text column holds one of the values. Null is none of them."""
        return as_mask(pc.is_in(self.table[name], value_set=allowed, skip_nulls=True))

    def codes(self, name: str) -> Integers:
        """A column as integers that are equal where its values are."""
        if pa.types.is_timestamp(self.table.schema.field(name).type):
            return self.micros(name)
        column = pc.dictionary_encode(self.table[name]).combine_chunks()
        column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        values: Integers = column.indices.cast(pa.int64()).to_numpy(zero_copy_only=False)
        return values


def as_mask(array: pa.ChunkedArray | pa.Array) -> Mask:
    """An Arrow array of booleans without nulls as NumPy's."""
    plain = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    values: Mask = np.asarray(plain.to_numpy(zero_copy_only=False), dtype=bool)
    return values
