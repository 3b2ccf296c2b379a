"""Take an operation back. What it said no longer holds from now on; what was known before stays as it was known."""

from __future__ import annotations

from typing import Any

import duckdb

from herdbook.errors import NotFoundError, NotUndoableError
from herdbook.identity.operations import append
from herdbook.identity.retag import put_back
from herdbook.identity.words import Done, Kind, Operation, Word

LAST = "last"
"""In place of an operation's id: the latest that holds."""


def undo(lake: duckdb.DuckDBPyConnection, operation_id: str, word: Word) -> Done:
    """Take an operation back.

    Undoing what was done last gives back exactly what was before, unless tracklets were matched again in between: then
    the claims of that matching are there, and the next one mends them.

    Args:
        lake: a connection inside a transaction.
        operation_id: an operation, or `LAST`.
        word: who says it.

    Raises:
        NotFoundError: there is no such operation.
        NotUndoableError: it is an undo, it was undone, or what it changed on the roster was changed again.
        IdentityConflictError: what was before contradicts what people said since.
    """
    operation = _operation(lake, operation_id)
    if operation["kind"] == Kind.UNDO:
        raise NotUndoableError(
            f"{operation['operation_id']} is an undo itself", "Say again what it took back; an undo is not undone."
        )
    if not operation["holds"]:
        raise NotUndoableError(f"{operation['operation_id']} was undone already")
    if operation["detail"] is not None:
        put_back(lake, operation["detail"])
    taken_back = Operation(
        Kind.UNDO,
        operation["animal_id"],
        operation["other_animal_id"],
        operation["valid_from"],
        operation["valid_to"],
        undoes=operation["operation_id"],
    )
    return append(lake, taken_back, [], word)


def log(lake: duckdb.DuckDBPyConnection, *, last: int) -> list[dict[str, Any]]:
    """The last operations, newest first; see the columns of ``identity_operation``."""
    found = lake.execute("FROM identity_operation ORDER BY recorded_at DESC, operation_id LIMIT ?", [last])
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


_OPERATION = """
SELECT o.operation_id, o.kind, o.animal_id, o.other_animal_id, o.valid_from, o.valid_to, o.detail, u.holds
FROM identity.operation AS o
JOIN identity_operation AS u USING (operation_id)
WHERE o.operation_id = $id OR ($id = 'last' AND u.holds AND o.kind <> 'undo')
ORDER BY o.recorded_at DESC
LIMIT 1
"""


def _operation(lake: duckdb.DuckDBPyConnection, operation_id: str) -> dict[str, Any]:
    found = lake.execute(_OPERATION, {"id": operation_id})
    names = [column[0] for column in found.description or ()]
    row = found.fetchone()
    if row is None:
        raise NotFoundError(f"there is no operation '{operation_id}'", "`herdbook identity log` lists what there is.")
    return dict(zip(names, row, strict=True))
