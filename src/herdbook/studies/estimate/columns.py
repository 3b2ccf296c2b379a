"""What estimators are given: numbers by row, and keys that say which rows belong together."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from herdbook.errors import EstimationError, NotIdentifiedError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Column: TypeAlias = Any
"""One value per row: a sequence, a numpy array, or a pyarrow array, whole or in chunks."""
Covariates: TypeAlias = Mapping[str, Column] | pa.Table
"""Columns by name, in the order in which they are reported."""

_CONSTANT = 1e-10
"""A spread below this share of the largest value is rounding error."""
_INCOMPLETE = "Leave incomplete rows out before estimating, and count them as missing."


@dataclass(frozen=True, eq=False)
class Design:
    """Covariates as numbers."""

    names: tuple[str, ...]
    values: Floats
    """(rows, covariates), all finite."""


def design(covariates: Covariates, reference: Mapping[str, str] | None = None) -> Design:
    """Numbers and truth values as they are; a column of texts as one 0/1 column per level but the reference.

    Args:
        covariates: columns by name.
        reference: the level that others are compared with, by column; the first in alphabetical order otherwise.

    Returns:
        Levels are named ``column[level]``.

    Raises:
        EstimationError: a value is missing or not finite, lengths differ, there is no column, or no such level.
    """
    names = list(covariates.column_names if isinstance(covariates, pa.Table) else covariates)
    if not names:
        raise EstimationError("No covariate was given.", "Name the exposure to be studied.")
    columns: dict[str, Floats] = {}
    for name in names:
        column = covariates[name]
        if _is_text(column):
            columns |= _indicators(name, column, (reference or {}).get(name))
        else:
            columns[name] = numbers(name, column)
    if len({len(column) for column in columns.values()}) > 1:
        raise EstimationError(f"Covariates differ in length: {', '.join(names)}.")
    return Design(tuple(columns), np.column_stack(list(columns.values())))


def numbers(name: str, column: Column, rows: int | None = None) -> Floats:
    """A column as finite numbers.

    Raises:
        EstimationError: a value is missing or no finite number, or there are not ``rows`` of them.
    """
    raw = column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column
    raw = raw.to_numpy() if isinstance(raw, pa.ChunkedArray) else raw
    try:
        values = np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as e:
        raise EstimationError(f"{name} is not a column of numbers: {e}.", _INCOMPLETE) from e
    if values.ndim != 1 or (rows is not None and len(values) != rows):
        raise EstimationError(f"{name} has shape {values.shape} where there are {rows} rows.")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise EstimationError(f"{name} has no finite value in {bad.size} rows, first in row {bad[0]}.", _INCOMPLETE)
    return values


def flags(name: str, column: Column, rows: int) -> Bools:
    """A column of truth values, or of 0 and 1.

    Raises:
        EstimationError: another value occurs.
    """
    values = numbers(name, column, rows)
    if not np.isin(values, (0.0, 1.0)).all():
        raise EstimationError(f"{name} holds other values than 0 and 1.", "Say which value means that it happened.")
    happened: Bools = values == 1
    return happened


def positive(name: str, column: Column | None, rows: int) -> Floats:
    """Weights above 0; all 1 where none are given.

    Raises:
        EstimationError: a weight is 0 or less, or missing.
    """
    values = np.ones(rows) if column is None else numbers(name, column, rows)
    if (values <= 0).any():
        raise EstimationError(
            f"{name} holds weights of 0 or less.", "Leave out rows that shall not count, and say how many they were."
        )
    return values


def codes(name: str, keys: Column, rows: int) -> tuple[Ints, int]:
    """Each row's group as a number from 0, in the order of first appearance; and how many there are.

    Raises:
        EstimationError: a key is missing, or there are not ``rows`` of them.
    """
    if isinstance(keys, (np.ndarray, pa.Array, pa.ChunkedArray)):
        array = pa.array(keys) if isinstance(keys, np.ndarray) else keys
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        missing = array.null_count
        encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        found = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        if pa.types.is_dictionary(array.type):  # a dictionary may hold levels that do not occur
            found = np.unique(found, return_inverse=True)[1].astype(np.int64)
    else:
        listed: list[Hashable] = list(keys)
        order = {key: k for k, key in enumerate(dict.fromkeys(listed))}
        found = np.array([order[key] for key in listed], np.int64)
        missing = sum(key is None or (isinstance(key, float) and math.isnan(key)) for key in listed)
    if len(found) != rows:
        raise EstimationError(f"{name} has {len(found)} keys where there are {rows} rows.")
    if missing:
        raise EstimationError(f"{name} is missing in {missing} rows.", _INCOMPLETE)
    return found, int(found.max(initial=-1)) + 1


def summed(values: Floats, groups: Ints, count: int) -> Floats:
    """Sums over groups of rows.

    Args:
        values: (rows,) or (rows, columns).
        groups: (rows,) codes from 0 to ``count - 1``.
        count: how many groups.

    Returns:
        (groups,) or (groups, columns).
    """
    if values.ndim == 1:
        return np.bincount(groups, values, minlength=count).astype(np.float64, copy=False)
    return np.column_stack([summed(column, groups, count) for column in values.T])


def standardise(given: Design, groups: Ints, count: int, among: str) -> tuple[Floats, Floats]:
    """Covariates about their group's mean, in units of the spread that is left.

    Neither changes an estimate of effects *within* groups; both make rounding harmless and steps comparable.

    Args:
        given: (rows, covariates).
        groups: (rows,) codes from 0 to ``count - 1``.
        count: how many groups.
        among: what groups are called in the message.

    Returns:
        (rows, covariates), and (covariates,) the unit of each.

    Raises:
        NotIdentifiedError: a covariate is constant within every group.
    """
    size = np.maximum(np.bincount(groups, minlength=count), 1)
    mean = summed(given.values, groups, count) / size[:, None]
    centred = given.values - mean[groups]
    scale = np.sqrt(np.mean(centred**2, axis=0))
    constant = scale <= _CONSTANT * np.abs(given.values).max(axis=0, initial=0)
    if constant.any():
        named = ", ".join(np.array(given.names)[constant])
        raise NotIdentifiedError(f"No difference to compare within {among}: {named}.")
    return centred / scale, scale


def _is_text(column: Column) -> bool:
    if isinstance(column, (pa.Array, pa.ChunkedArray)):
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
    return np.asarray(column).dtype.kind in "UO" and any(isinstance(value, str) for value in column)


def _indicators(name: str, column: Column, reference: str | None) -> dict[str, Floats]:
    listed = column.to_pylist() if isinstance(column, (pa.Array, pa.ChunkedArray)) else list(column)
    if any(not isinstance(value, str) for value in listed):
        raise EstimationError(f"{name} has rows without a level.", _INCOMPLETE)
    levels = sorted(set(listed))
    base = levels[0] if reference is None else reference
    if base not in levels:
        raise EstimationError(
            f"{name} has no level {base!r}; it has {', '.join(levels)}.", "Choose a level that occurs."
        )
    if len(levels) == 1:
        raise NotIdentifiedError(f"{name} has the one level {base!r} only.")
    values = np.array(listed)
    return {f"{name}[{level}]": (values == level).astype(np.float64) for level in levels if level != base}
