"""R's ``survival`` as an oracle, where R is installed (Debian: r-base-core, r-cran-survival)."""

from __future__ import annotations

import csv
import functools
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_CHECK = 'quit(status = if (requireNamespace("survival", quietly = TRUE)) 0 else 1)'


@functools.cache
def _why_not() -> str | None:
    if shutil.which("Rscript") is None:
        return "Rscript is not installed"
    done = subprocess.run(["Rscript", "--vanilla", "-e", _CHECK], capture_output=True, check=False)
    return None if done.returncode == 0 else "R has no package survival"


def ask_r(folder: Path, script: str, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """What an R script says.

    Args:
        folder: to work in.
        script: R; calls ``say(name, numbers)`` for each answer. Tables are data frames under their names.
        tables: columns by name.

    Returns:
        The answers.
    """
    reason = _why_not()
    if reason:
        pytest.skip(f"{reason}: estimates are not compared with R's here")
    lines = [
        "suppressPackageStartupMessages(library(survival))",
        'say <- function(name, values) cat(name, sprintf("%.17g", as.numeric(values)), "\\n")',
    ]
    for name, columns in tables.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            values = [np.asarray(column).tolist() for column in columns.values()]
            writer.writerows([int(v) if isinstance(v, bool) else v for v in row] for row in zip(*values, strict=True))
        lines.append(f'{name} <- read.csv("{name}.csv")')
    (folder / "ask.R").write_text("\n".join([*lines, script, ""]), encoding="utf-8")
    done = subprocess.run(["Rscript", "--vanilla", "ask.R"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = (line.split() for line in done.stdout.splitlines() if line.strip())
    return {name: np.array([float(v) for v in values]) for name, *values in answers}
