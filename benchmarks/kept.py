"""Results that are kept: figures in JSON, and the same for people, with the command, the machine and the day."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def circumstances(command: str) -> dict[str, Any]:
    """Where and when figures are taken: ask before, as the load average is of what else runs."""
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=RESULTS, capture_output=True, text=True, check=False
    )
    return {
        "command": command,
        "day": datetime.now(UTC).date().isoformat(),
        "commit": found.stdout.strip() or "unknown",
        "machine": f"{len(os.sched_getaffinity(0))} cores, {_memory_gib():.0f} GiB, {platform.system()}",
        "load_average_before": round(os.getloadavg()[0], 1),
    }


def keep(folder: Path, name: str, found: dict[str, Any], text: Iterable[str]) -> None:
    """Write ``<name>.json`` and ``<name>.md``; figures that the text has are taken from what was found."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    told = found["circumstances"]
    taken = (
        f"`{told['command']}`, {told['day']}, commit {told['commit']}, {told['machine']}, "
        f"load average {told['load_average_before']} before it began."
    )
    (folder / f"{name}.md").write_text("\n".join([taken, "", *text]) + "\n")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of a Markdown table: what is not in the first column is a figure."""
    return [
        f"| {' | '.join(head)} |",
        f"| --- |{' ---: |' * (len(head) - 1)}",
        *(f"| {' | '.join(map(str, row))} |" for row in rows),
    ]


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
