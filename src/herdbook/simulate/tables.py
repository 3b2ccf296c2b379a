"""Small files that other parts read: CSV and YAML, written so that readers see them whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from herdbook.contracts.durable import write_durably


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file (RFC 4180, ``\\n``); None is an empty cell, dates and times are ISO 8601."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_durably(path, text.getvalue().encode())


def write_yaml(path: Path, document: dict[str, Any]) -> None:
    """Write a YAML file, keys in the given order."""
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    write_durably(path, text.encode())
