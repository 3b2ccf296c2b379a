"""Record files as a device sent them: exactly the contract's columns, exactly the manifest's rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from herdbook.contracts.device_day import DayFile
from herdbook.errors import RecordSchemaError, RowCountError

MAX_ROWS = 100_000_000
"""Twenty frames a second of fifty animals for a day: more is a mistake or an attack, and is not unpacked."""
MAX_UNPACKED_BYTES = 8 * 1024**3
"""A record file that claims to unpack to more is refused before it is read: a day of a device is far smaller."""


def read_record_file(path: Path, entry: DayFile, schema: pa.Schema) -> pa.Table:
    """Read a Parquet file of a known schema whole.

    Raises:
        RecordSchemaError: it is not Parquet, or not of these columns, types and order, or holds invalid text.
        RowCountError: it does not have the rows that the manifest promises.
    """
    with _opened(path, entry, schema) as file:
        unpacked = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
        if unpacked > MAX_UNPACKED_BYTES:
            raise RecordSchemaError(f"{entry.name} unpacks to {unpacked} bytes, more than {MAX_UNPACKED_BYTES}")
        table = file.read(use_threads=False)
        table.validate(full=True)
    if table.num_rows != entry.rows:
        raise RowCountError(f"{entry.name} holds {table.num_rows} rows, its manifest says {entry.rows}")
    return table


def record_batches(path: Path, entry: DayFile, schema: pa.Schema) -> Iterator[pa.Table]:
    """Read a file as `read_record_file` does, piece by piece: boxes of a day may not fit in memory.

    Raises:
        RecordSchemaError, RowCountError: as `read_record_file`, at the latest at the end.
    """
    rows = 0
    with _opened(path, entry, schema) as file:
        for batch in file.iter_batches(use_threads=False):
            batch.validate(full=True)
            rows += batch.num_rows
            yield pa.Table.from_batches([batch])
    if rows != entry.rows:
        raise RowCountError(f"{entry.name} holds {rows} rows, its manifest says {entry.rows}")


@contextmanager
def _opened(path: Path, entry: DayFile, schema: pa.Schema) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path) as file:
            _require_schema(entry, file.schema_arrow, schema)
            found = file.metadata.num_rows
            if found != entry.rows:
                raise RowCountError(f"{entry.name} has {found} rows, its manifest says {entry.rows}")
            if found > MAX_ROWS:
                raise RowCountError(f"{entry.name} has {found} rows, more than a device sees in a day")
            yield file
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RecordSchemaError(f"{entry.name} cannot be read as Parquet: {_first_line(error)}") from error


def _require_schema(entry: DayFile, found: pa.Schema, expected: pa.Schema) -> None:
    if found.equals(expected, check_metadata=False):
        return
    if found.names != expected.names:
        raise RecordSchemaError(f"{entry.name} has columns {found.names}, the contract says {expected.names}")
    wrong = next(pair for pair in zip(found, expected, strict=True) if not pair[0].equals(pair[1]))
    raise RecordSchemaError(f"{entry.name}: column {_field(wrong[0])} should be {_field(wrong[1])}")


def _field(field: pa.Field) -> str:
    return f"'{field.name}' {field.type}{'' if field.nullable else ' not null'}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
