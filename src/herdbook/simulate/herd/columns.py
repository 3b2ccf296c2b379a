"""Arrow columns from numbers: names as dictionaries, moments in microseconds of UTC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

TIME = pa.timestamp("us", tz="UTC")
TEXT = pa.string()


def moments(micros: NDArray[np.int64], unknown: NDArray[np.bool_] | None = None) -> pa.Array:
    """Instants; null where unknown."""
    return pa.array(micros, mask=unknown).cast(pa.timestamp("us")).cast(TIME)


def named(index: NDArray[np.integer], names: Sequence[str], unknown: NDArray[np.bool_] | None = None) -> pa.Array:
    """Texts by their position in a list of them, each written once; null where unknown."""
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32), mask=unknown), pa.array(names, TEXT))


def same(value: Any, rows: int, kind: pa.DataType = TEXT) -> pa.Array:
    """One value for all rows; null if it is None."""
    return pa.nulls(rows, kind) if value is None else pa.repeat(pa.scalar(value, kind), rows)


def plain(table: pa.Table) -> pa.Table:
    """The same table with dictionaries written out, for readers in memory."""
    fields = [f.with_type(f.type.value_type) if pa.types.is_dictionary(f.type) else f for f in table.schema]
    return table.cast(pa.schema(fields))
