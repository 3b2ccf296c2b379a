"""Labels out, as a CSV file that a person or another system can read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from herdbook.labels.kinds import LabelKind
from herdbook.labels.quarantine import csv_text
from herdbook.labels.versions import SAID
from herdbook.lake.attach import open_lake
from herdbook.settings import Settings


def export_labels(
    settings: Settings,
    *,
    kind: LabelKind | None = None,
    farm: str | None = None,
    known_as_of: datetime | None = None,
) -> str:
    """The labels that hold, one line each, ordered by animal and time; times in ISO 8601, UTC.

    Args:
        settings: where the lake is.
        kind: only this kind.
        farm: only this farm.
        known_as_of: as they were known at this instant; now when omitted.

    Raises:
        NotInitialisedError: there is no lake yet.
    """
    columns = [c for c in SAID.names if c != "retracted"] + ["received_at"]
    given: list[Any] = [known_as_of or "infinity", kind and kind.value, kind and kind.value, farm, farm]
    with open_lake(settings, read_only=True) as lake:
        rows = lake.execute(
            f"SELECT {', '.join(columns)} FROM label_known_as_of(?) "  # noqa: S608 - our own names
            "WHERE (? IS NULL OR kind = ?) AND (? IS NULL OR farm_id = ?) ORDER BY animal_id, occurred_by, label_id",
            given,
        ).fetchall()
    return csv_text([columns, *rows])
