"""Which findings would change if another release had seen the footage: a study on other records, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from herdbook.errors import FileFormatError, HerdbookError, NotFoundError
from herdbook.studies.assemble import assemble
from herdbook.studies.definition import Study
from herdbook.studies.findings import find, reading
from herdbook.studies.source import Source

SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("study", "exposure", "role", "seen_by")),
        *(pa.field(name, pa.float64()) for name in ("ratio", "ratio_low", "ratio_high", "p")),
        *(pa.field(name, pa.int64()) for name in ("cases", "rows")),
        pa.field("moved", pa.float64()),
        pa.field("verdict", pa.string()),
    ]
)
"""A row per study, exposure and way of seeing: ``as found`` in its bundle first. ``moved`` is the difference of log
ratios in errors of the one it is compared with; ``verdict`` says in words what would change."""
AS_FOUND = "as found"
_FAR = 1.0
"""A move by more errors than this is said, even where the verdict stands."""


def findings_of(folder: Path) -> list[dict[str, Any]]:
    """The estimates that a bundle holds.

    Raises:
        NotFoundError: there are none.
        FileFormatError: they cannot be read.
    """
    path = folder / "estimates.csv"
    try:
        rows: list[dict[str, Any]] = pyarrow.csv.read_csv(path).to_pylist()
    except FileNotFoundError as error:
        raise NotFoundError(f"{folder} holds no estimates", "Name the folder of a run.") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise FileFormatError(f"{path} cannot be read: {error}") from error
    if any(not {"exposure", "role", "ratio", "coefficient", "error"} <= row.keys() for row in rows):
        raise FileFormatError(f"{path} is not a study's", "Run the study again.")
    return rows


def findings_in(study: Study, source: Source) -> list[dict[str, Any]]:
    """The estimates of a study on other records; a row with a problem for each exposure where there are none."""
    try:
        assembled = assemble(study, source)
        if assembled.refusal is not None:
            raise assembled.refusal
        return list(find(study, assembled.used).to_pylist())
    except HerdbookError as error:
        roles = ["primary"] + ["other"] * len(study.exposure.others)
        return [
            {"exposure": exposed.measure, "role": role, "problem": error.message}
            for exposed, role in zip(study.exposure.all, roles, strict=True)
        ]


def compare(study: str, seen: dict[str, list[dict[str, Any]]], level: float = 0.95) -> list[dict[str, Any]]:
    """Findings side by side.

    Args:
        study: its name.
        seen: estimates by who saw the footage; the first is what the others are compared with.
        level: of the intervals; a finding stands out where its interval does not hold a ratio of 1.

    Returns:
        Rows of `SCHEMA`.
    """
    first = {row["exposure"]: row for row in next(iter(seen.values()))}
    rows = []
    for k, (who, found) in enumerate(seen.items()):
        for row in found:
            before = first.get(row["exposure"], {})
            moved, verdict = (None, _problem(row) or "") if k == 0 else _moved(before, row)
            names = ("exposure", "role", "ratio", "ratio_low", "ratio_high", "p", "cases", "rows")
            said = {"study": study, "seen_by": who, "moved": moved, "verdict": verdict}
            rows.append(said | {name: row.get(name) for name in names})
    order = {name: k for k, name in enumerate(first)}
    return sorted(rows, key=lambda row: order.get(row["exposure"], len(order)))


def _moved(before: dict[str, Any], after: dict[str, Any]) -> tuple[float | None, str]:
    if _problem(before) or _problem(after):
        return None, f"cannot be compared: {_problem(after) or _problem(before)}"
    moved = (after["coefficient"] - before["coefficient"]) / before["error"]
    then, now = reading(before), reading(after)
    if then == now:
        far = f", the estimate moves by {abs(moved):.1f} errors" if abs(moved) > _FAR else ""
        return moved, f"stands: {now}{far}"
    return moved, f"CHANGES: {then}, then {now}"


def _problem(row: dict[str, Any]) -> str | None:
    if row.get("ratio") is not None:
        return None
    return row.get("problem") or "there is no estimate"
