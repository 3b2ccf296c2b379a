"""The drop folders of farm records: ``$HERDBOOK_HOME/inbox/labels/<source>/`` holds files and what their columns mean,
``inbox/series/<source>/`` those of collar and tag systems.

``weights.yaml`` is the mapping of files whose names start with ``weights``, ``mapping.yaml`` that of all others. A file
that was imported moves to ``done/`` beside it; one that cannot be imported, or that was written anew meanwhile, stays
and is imported by the next run.
"""

from __future__ import annotations

import glob
import time
from datetime import UTC, datetime
from pathlib import Path

from herdbook.contracts.digest import sha256_of

_TABLES = {".csv": "csv", ".xlsx": "xlsx"}
FORMATS = {"labels": _TABLES | {".json": "icar-ade"}, "series": _TABLES}
"""What is read in each drop folder, by the end of a file's name."""
COMMANDS = {"labels": "import", "series": "series"}
"""What imports it: ``herdbook labels …``."""
MOST = 1000
"""Files that one run takes, those that wait longest; the next run goes on. Airflow spreads a run over 1,024 tasks."""
SETTLED_S = 60.0
"""A file that changed less long ago may still be being copied: it waits for the next run."""


def waiting_files(inbox: Path) -> list[dict[str, str]]:
    """Files to import, by folder, source and name: ``command, source, file, path, format, sha256``, and the path of its
    ``mapping``."""
    latest = time.time() - SETTLED_S
    found = [
        (path.stat().st_mtime, kind, path)
        for kind, formats in FORMATS.items()
        for path in (inbox / kind).glob("*/*")
        if path.is_file() and path.suffix.lower() in formats and not path.name.startswith((".", "~"))
    ]
    settled = sorted(each for each in found if each[0] <= latest)[:MOST]
    return [
        {
            "command": COMMANDS[kind],
            "source": path.parent.name,
            "file": path.name,
            "path": str(path),
            "format": FORMATS[kind][path.suffix.lower()],
            "mapping": str(_mapping(path)),
            "sha256": sha256_of(path),
        }
        for _, kind, path in sorted(settled, key=lambda each: each[1:])
    ]


def file_away(path: Path, sha256: str) -> Path:
    """Move an imported file to ``done/``, under the time of its import: names recur.

    Args:
        path: where it lay.
        sha256: of what was found there before it was imported; anything else may not have been read.

    Returns:
        Where it lies now, also when an interrupted call had moved it already; ``path`` itself if it was written anew.
    """
    done = path.parent / "done"
    done.mkdir(exist_ok=True)
    if path.exists():
        if sha256_of(path) != sha256:
            return path
        moved = path.rename(done / f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}_{path.name}")
    else:
        moved = max(done.glob(f"*Z_{glob.escape(path.name)}"), default=path)
    if sha256_of(moved) != sha256 and not path.exists():  # written anew in the very moment of the move
        return moved.rename(path)
    return moved


def _mapping(path: Path) -> Path:
    """The mapping with the longest name that the file's name starts with."""
    fitting = [m for m in path.parent.glob("*.yaml") if path.stem.startswith(m.stem)]
    return max(fitting, key=lambda m: len(m.stem), default=path.parent / "mapping.yaml")
