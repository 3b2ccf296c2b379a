"""The SQL in the documents runs, and the study that they show is right on a herd worked out by hand."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from support.herd import LONG_AGO, Herd, at

ROOT = Path(__file__).parents[2]
BLOCKS = [
    pytest.param(block, id=f"{path.stem}-{n}")
    for path in (ROOT / "README.md", ROOT / "docs" / "epidemiologist.md")
    for n, block in enumerate(re.findall(r"```sql\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL))
]
STUDY = next(p.values[0] for p in BLOCKS if "index_day" in str(p.values[0]))
INDEX_DAY = date(2026, 3, 20)
VERSION = {"recorded_at": LONG_AGO, "retracted": False, "source": "test"}


@pytest.mark.parametrize("block", BLOCKS)
def test_every_query_in_the_documents_runs(herd: Herd, block: str) -> None:
    herd.query(block)


def score(herd: Herd, label: str, animal: str, day: date, value: float) -> None:
    """A lameness score known by its day only: by the end of that day on a farm in New York."""
    [[end]] = herd.query(f"SELECT (TIMESTAMP '{day} 23:59:59.999999') AT TIME ZONE 'America/New_York'")
    herd.insert(
        "label.label",
        {
            "label_id": label,
            "animal_id": animal,
            "farm_id": "f1",
            "kind": "lameness_score",
            "value_number": value,
            "scale": "locomotion-1-5",
            "occurred_by": end,
            "recorded_at": end,
            "received_at": end,
            "retracted": False,
            "source": "s",
            "source_id": label,
            "import_id": "i",
        },
    )


def lie(herd: Herd, animal: str, day: date, lying_h: float, standing_h: float, *, camera: str = "c1") -> None:
    """Observed behaviour of an animal on a day."""
    load, end = f"{day}", 1 + lying_h + standing_h
    t = herd.tracklet(1, end, animal=animal, load=load, camera=camera, day=day)
    if lying_h:
        herd.bout(t, 1, 1 + lying_h, "lying", load=load, day=day)
    herd.bout(t, 1 + lying_h, end, "standing", load=load, day=day)


def test_the_study_is_right_on_a_herd_worked_out_by_hand(herd: Herd) -> None:
    """Pen p1: a case scored lame twice, a sound animal, and another case of later. Pen p2: nobody was lame."""
    herd.insert("roster.farm", {"farm_id": "f1", "name": "F", "timezone": "America/New_York"} | VERSION)
    first = INDEX_DAY - timedelta(8)
    for n in range(30):
        herd.load(f"{first + timedelta(n)}", day=first + timedelta(n), cameras={"c1": "p1", "c2": "p2"})
    for animal, pen in (("case", "p1"), ("sound", "p1"), ("later", "p1"), ("far", "p2")):
        herd.stay(animal, pen)
    score(herd, "1", "case", INDEX_DAY, 3)
    score(herd, "2", "case", INDEX_DAY + timedelta(1), 4)  # seen again: no new case, no second window
    score(herd, "3", "later", INDEX_DAY + timedelta(20), 3)  # its own window is not observed, and it is no control
    score(herd, "4", "sound", INDEX_DAY, 2)  # scored, and sound
    for back in (7, 1):  # the window's ends
        lie(herd, "case", INDEX_DAY - timedelta(back), 3, 1)
        lie(herd, "sound", INDEX_DAY - timedelta(back), 1, 1)
        lie(herd, "later", INDEX_DAY - timedelta(back), 0, 4)
        lie(herd, "far", INDEX_DAY - timedelta(back), 0, 4, camera="c2")
    for outside in (8, 0, -1):  # before the window, on the index day, after it
        lie(herd, "case", INDEX_DAY - timedelta(outside), 0, 5)
        lie(herd, "sound", INDEX_DAY - timedelta(outside), 0, 5)
    for zone in ("UTC", "America/Los_Angeles", "Asia/Tokyo"):
        herd.db.execute(f"SET TimeZone = '{zone}'")
        assert herd.query(STUDY) == [("lame", 1, 2, 8.0, 0.75), ("sound", 1, 2, 4.0, 0.5)]


def test_the_readmes_query_gives_rates_per_observed_time(herd: Herd) -> None:
    herd.load()
    t = herd.tracklet(1, 3)
    herd.bout(t, 1, 2, "lying")
    herd.activity(t, 1, 1800, 15)
    first = str(BLOCKS[0].values[0])
    assert herd.query(first) == [("a1", at(0).date(), 2.0, 1.0, 30.0)]
