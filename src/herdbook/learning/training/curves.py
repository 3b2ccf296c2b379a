"""``curves.csv``: losses and validation figures by step, as MLflow and people read them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from herdbook.contracts.durable import write_durably

EVERY = 20
"""Steps that a point of a loss is the mean of."""


class Curves:
    """Points of curves, kept beside the checkpoints while training runs."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._points: list[tuple[int, dict[str, float]]] = []
        self._sums: dict[str, list[float]] = {}
        if journal.is_file():
            lines = journal.read_text(encoding="utf-8").splitlines()
            self._points = [(int(p["step"]), dict(p["values"])) for p in map(json.loads, lines)]

    def rewind(self, step: int) -> None:
        """Forget what was noted after a step that is gone back to."""
        self._points = [(at, values) for at, values in self._points if at <= step]
        self._sums = {}

    def add(self, step: int, losses: Mapping[str, float]) -> None:
        """Losses of a step, from 0."""
        for name, value in losses.items():
            self._sums.setdefault(name, []).append(value)
        if (step + 1) % EVERY == 0:
            self._note(step + 1, {f"loss_{name}": float(np.mean(values)) for name, values in self._sums.items()})
            self._sums = {}

    def mark(self, step: int, figures: Mapping[str, float]) -> None:
        """Figures after so many steps."""
        self._note(step, {f"validation_{name}": float(value) for name, value in figures.items()})

    def write(self, path: Path) -> None:
        """The table: one row per step that has a point, one column per curve."""
        rows: dict[int, dict[str, float]] = {}
        for step, values in self._points:
            rows.setdefault(step, {}).update(values)
        names = sorted({name for values in rows.values() for name in values})
        text = io.StringIO()
        table = csv.DictWriter(text, ["step", *names], lineterminator="\n")
        table.writeheader()
        for step, values in sorted(rows.items()):
            table.writerow({"step": step} | {name: f"{value:.6g}" for name, value in values.items()})
        write_durably(path, text.getvalue().encode())

    def _note(self, step: int, values: dict[str, float]) -> None:
        self._points.append((step, values))
        self._journal.parent.mkdir(parents=True, exist_ok=True)
        with self._journal.open("w", encoding="utf-8") as journal:
            for at, said in self._points:
                journal.write(json.dumps({"step": at, "values": said}) + "\n")
