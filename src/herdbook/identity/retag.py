"""A tag was lost and another given: the animal stays the same, on the roster and in its records.

Farms issue lost tags again and have no event for it, so a new tag often enters the roster as a new animal. A retag ends
the old tag and begins the new one; given the animal that was made for the new tag, it merges that one, too.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import duckdb

from herdbook.errors import InputError, NotFoundError, NotUndoableError
from herdbook.identity.byhand import merge
from herdbook.identity.operations import append
from herdbook.identity.sightings import require_animal
from herdbook.identity.words import Done, Kind, Operation, Word
from herdbook.roster.rows import IDENTIFIERS, IdentifierRow
from herdbook.roster.versions import Values, append_versions, current_rows, key_of, same_values

SOURCE = "identity retag"


def retag(
    lake: duckdb.DuckDBPyConnection,
    animal_id: str,
    word: Word,
    *,
    scheme: str,
    old: str | None,
    new: str,
    at: datetime,
    was: str | None = None,
) -> Done:
    """Say that an animal bears another tag from a moment on.

    Args:
        lake: a connection inside a transaction.
        animal_id: the animal.
        word: who says it.
        scheme: of both tags.
        old: the tag that it lost; None if it had none.
        new: the tag that it bears since.
        at: from when.
        was: an animal of the roster that was made for the new tag by mistake: its records are this animal's.

    Raises:
        NotFoundError: there is no such animal, or it did not bear the old tag then.
        InputError: the new tag cannot be one, or another animal bears it then.
        IdentityConflictError: both animals were identified at once.
    """
    farm_id = require_animal(lake, animal_id)
    began = _row(animal_id, farm_id, scheme, new, at)
    current = current_rows(lake, IDENTIFIERS)
    changes: list[tuple[Values | None, Values | None]] = []
    if old is not None:
        before = _borne(current, animal_id, scheme, old, at)
        changes.append((before, {**before, "valid_to": at}))
    for row in current.values():
        same_tag = (row["farm_id"], row["scheme"], row["identifier"]) == (farm_id, scheme, new)
        if not same_tag or (row["valid_to"] is not None and row["valid_to"] <= at):
            continue
        if row["animal_id"] not in (was, animal_id):
            raise InputError(
                f"{row['animal_id']} bears {scheme} {new} since {row['valid_from']:%Y-%m-%d %H:%M} UTC",
                f"If it was made for this tag by mistake: --was {row['animal_id']}; otherwise end its tag first.",
            )
        changes.append((row, None if row["valid_from"] >= at else {**row, "valid_to": at}))
    changes.append((current.get(key_of(IDENTIFIERS, began)), began))
    _write(lake, changes)
    detail = json.dumps([[_plain(before), _plain(after)] for before, after in changes])
    if was is not None:
        return merge(lake, was, animal_id, word, since=at, kind=Kind.RETAG, detail=detail)
    return append(lake, Operation(Kind.RETAG, animal_id, None, at, None, detail=detail), [], word)


def put_back(lake: duckdb.DuckDBPyConnection, detail: str) -> None:
    """Give the roster back what it said before a retag, as new versions.

    Raises:
        NotUndoableError: it was changed again since.
    """
    changes = [(_parsed(before), _parsed(after)) for before, after in json.loads(detail)]
    current = current_rows(lake, IDENTIFIERS)
    final = {key_of(IDENTIFIERS, row): after for before, after in changes if (row := after or before) is not None}
    for key, after in final.items():
        found = current.get(key)
        if (found is None) != (after is None) or (found and after and not same_values(IDENTIFIERS, found, after)):
            raise NotUndoableError(
                f"the roster's row of {key[0]}'s tag {key[2]} was changed since",
                "Import the roster's rows as they are.",
            )
    _write(lake, [(after, before) for before, after in reversed(changes)])


def _write(lake: duckdb.DuckDBPyConnection, changes: list[tuple[Values | None, Values | None]]) -> None:
    final: dict[tuple[Any, ...], tuple[Values, bool]] = {}
    for before, after in changes:
        row = after if after is not None else before
        if row is not None:
            final[key_of(IDENTIFIERS, row)] = (row, after is None)
    append_versions(lake, IDENTIFIERS, final.values(), source=SOURCE, now=datetime.now(UTC))


def _borne(current: dict[tuple[Any, ...], Values], animal_id: str, scheme: str, tag: str, at: datetime) -> Values:
    for row in current.values():
        named = (row["animal_id"], row["scheme"], row["identifier"]) == (animal_id, scheme, tag)
        if named and row["valid_from"] < at and (row["valid_to"] is None or row["valid_to"] > at):
            return row
    raise NotFoundError(
        f"{animal_id} did not bear {scheme} {tag} at {at:%Y-%m-%d %H:%M} UTC",
        '`herdbook sql "FROM animal_identifier"` shows which tags it bore.',
    )


def _row(animal_id: str, farm_id: str, scheme: str, tag: str, at: datetime) -> Values:
    from pydantic import ValidationError

    from herdbook.contracts.validation import first_problem

    try:
        row = IdentifierRow(animal_id=animal_id, farm_id=farm_id, scheme=scheme, identifier=tag, valid_from=at)
    except ValidationError as error:
        raise InputError(f"that is no tag: {first_problem(error.errors())}", "Correct scheme or tag.") from error
    return row.model_dump() | {"valid_from": at}


def _plain(row: Values | None) -> dict[str, Any] | None:
    return row and {k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items()}


def _parsed(row: dict[str, Any] | None) -> Values | None:
    times = ("valid_from", "valid_to")
    return row and {k: datetime.fromisoformat(v) if k in times and v else v for k, v in row.items()}
