"""Where a report reads: the published herd file, the lake, or the lake as it was pinned; and how it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np

from herdbook.analytics.shares import Floats
from herdbook.errors import InputError, QueryError
from herdbook.lake.attach import latest_snapshot, open_lake
from herdbook.lake.definitions import KNOWN
from herdbook.lake.migrate import require_current
from herdbook.lake.pins import pinned_snapshot
from herdbook.lake.published import open_published
from herdbook.settings import Settings


@dataclass(frozen=True)
class Source:
    """An open connection whose names stand for one state of the herd; close it when done."""

    connection: duckdb.DuckDBPyConnection
    snapshot: int
    name: str
    """What people call it: herd.duckdb, the lake, a pin's name."""
    as_of: date | None = None
    """Names stand for what was known at the beginning of this day, in UTC."""

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """A query's rows."""
        found = self._execute(query, parameters)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def columns(self, query: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A query's columns as arrays, by name; null is NaN, or NaT."""
        found: dict[str, Any] = self._execute(query, parameters).fetchnumpy()
        return {name: _plain(values) for name, values in found.items()}

    def _execute(self, query: str, parameters: Mapping[str, Any] | None) -> duckdb.DuckDBPyConnection:
        try:
            return self.connection.execute(query, dict(parameters or {}))
        except duckdb.CatalogException as error:
            raise QueryError(
                f"{self.name} is of an older Herdbook: {str(error).splitlines()[0]}",
                "`herdbook init` renews the lake's views, `herdbook publish` the file.",
            ) from error


_MISSING: dict[str, Any] = {"f": np.nan, "M": np.datetime64("NaT"), "i": -1, "u": 0, "b": False}


def _plain(values: Any) -> Any:
    """An array without a mask: what is null is NaN, NaT, -1 or None."""
    if not np.ma.isMaskedArray(values):
        return np.asarray(values)
    if values.dtype.kind in _MISSING:
        return values.filled(_MISSING[values.dtype.kind])
    found = np.array(values.data, object)
    found[np.ma.getmaskarray(values)] = None
    return found


def open_source(settings: Settings, *, lake: bool = False, pin: str | None = None, as_of: date | None = None) -> Source:
    """Open what a report reads.

    Args:
        settings: where the herd is.
        lake: the lake itself instead of the published file: newer, and slower.
        pin: the lake as it was when this name was pinned.
        as_of: only what was known at the beginning of this day, in UTC.

    Raises:
        NotFoundError: nothing is published, or pinned under that name.
        NotInitialisedError: there is no lake, or it was of an older version.
        StorageError: the published file cannot be read.
    """
    if not lake and pin is None:
        herd = open_published(settings.published)
        row = herd.execute("SELECT snapshot_id FROM published").fetchone()
        return _as_known(Source(herd, row[0] if row else -1, settings.published.name, as_of))
    snapshot = latest_snapshot(settings) if pin is None else pinned_snapshot(settings, pin)
    connection = open_lake(settings, read_only=True, snapshot=snapshot)
    try:
        require_current(connection)
    except BaseException:
        connection.close()
        raise
    return _as_known(Source(connection, snapshot, "the lake" if pin is None else f"the lake as pinned '{pin}'", as_of))


def _as_known(source: Source) -> Source:
    """The schema ``known`` before the other, as of its day."""
    if source.as_of is not None:
        source.rows("SET VARIABLE known_as_of = $day", {"day": source.as_of.isoformat()})
        [here] = source.rows("SELECT current_database() AS name")
        source.rows(f"SET search_path = '{here['name']}.{KNOWN},{here['name']}.main'")
    return source


@dataclass(frozen=True)
class Axis:
    """Consecutive farm-local days, ``n`` of them."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise InputError(f"{self.last} is before {self.first}", "Give a last day that is not before the first.")

    @property
    def n(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    @property
    def days(self) -> list[date]:
        """Each of them."""
        return [self.first + timedelta(k) for k in range(self.n)]

    def position(self, day: date | datetime) -> int:
        """Where a day lies; negative or past the end if it is not on the axis."""
        plain = day.date() if isinstance(day, datetime) else day
        return (plain - self.first).days

    def positions(self, days: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Likewise for an array of days."""
        found = (np.asarray(days).astype("datetime64[D]") - np.datetime64(self.first, "D")).astype(np.int64)
        return np.asarray(found)

    def place(self, days: Any, values: Any) -> Floats:
        """Values of some days as ``[n]``, NaN elsewhere; what is not on the axis is left out."""
        at = self.positions(days)
        on = (at >= 0) & (at < self.n)
        found = np.full(self.n, np.nan)
        found[at[on]] = np.asarray(values, float)[on]
        return found
