"""Where live footage waits: ``<root>/spool/<camera>/`` with clips by name, and a journal of what was missed."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

from herdbook.contracts.records import CameraState
from herdbook.edge.coverage import Spell

GAPS = "gaps.jsonl"


def spool_folder(root: Path, camera_id: str) -> Path:
    """The folder of one camera's live footage."""
    return root / "spool" / camera_id


def note_gap(folder: Path, start: datetime, end: datetime, reason: str) -> None:
    """Write down, durably, that nothing was seen for a while."""
    line = json.dumps({"start": start.isoformat(), "end": end.isoformat(), "reason": reason}, ensure_ascii=False)
    with (folder / GAPS).open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def read_gaps(folder: Path) -> list[Spell]:
    """The journal. A line that a power cut left half written is passed over."""
    spells = []
    try:
        lines = (folder / GAPS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            entry = json.loads(line)
            start, end = datetime.fromisoformat(entry["start"]), datetime.fromisoformat(entry["end"])
        except (ValueError, KeyError, TypeError):
            continue
        if end > start:
            spells.append(Spell(start, end, CameraState.OFF, str(entry.get("reason", "no footage"))))
    return spells
