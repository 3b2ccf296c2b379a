"""Which tracklets the demo enrols: long ones that are surely one animal's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from herdbook.contracts.records import BOXES_SCHEMA
from herdbook.demo.enrolment import TRACKLETS_EACH, choose
from herdbook.demo.place import PLAN, Place
from herdbook.settings import Settings

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def boxes(path: Path, rows: list[tuple[str, int, float]]) -> None:
    """Rows ``(who, frame, x)`` of one clip, boxes 40 x 20."""
    table = [
        {"clip": "c.mp4", "frame": frame, "at": NOW, "tracklet_id": who, "x": x, "y": 0.0, "width": 40.0}
        | {"height": 20.0, "confidence": 1.0}
        for who, frame, x in rows
    ]
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(table, schema=BOXES_SCHEMA), path)


def chosen(tmp_path: Path, seen: list[tuple[str, int, float]]) -> dict[str, list[str]]:
    place, day = Place(Settings(home=tmp_path)), PLAN.start_day.isoformat()
    truth = [(pig, frame, x) for frame in range(1, 101) for pig, x in (("pig-1", 0.0), ("pig-2", 100.0))]
    boxes(place.farm / "truth" / "barn-a-1" / day / "boxes.parquet", truth)
    boxes(place.settings.footage / "barn-a-1" / day / "r1" / "c.boxes.parquet", seen)
    return choose(place, "barn-a-1")


def span(tracklet: str, first: int, last: int, x: float) -> list[tuple[str, int, float]]:
    return [(tracklet, frame, x) for frame in range(first, last + 1)]


def test_each_animal_gets_its_own_tracklets(tmp_path: Path) -> None:
    assert chosen(tmp_path, span("t1", 1, 50, 3) + span("t2", 1, 100, 98)) == {"pig-1": ["t1"], "pig-2": ["t2"]}


def test_a_tracklet_that_changed_animals_is_left_out(tmp_path: Path) -> None:
    assert chosen(tmp_path, span("t1", 1, 60, 0) + span("t1", 61, 100, 100) + span("t2", 1, 20, 0)) == {"pig-1": ["t2"]}


def test_what_covers_no_animal_is_left_out(tmp_path: Path) -> None:
    assert chosen(tmp_path, span("t1", 1, 100, 50)) == {}


def test_the_longest_are_chosen(tmp_path: Path) -> None:
    lengths = {f"t{n}": 10 + n for n in range(TRACKLETS_EACH + 2)}
    seen = [row for name, length in lengths.items() for row in span(name, 1, length, 0)]
    assert len(chosen(tmp_path, seen)["pig-1"]) == TRACKLETS_EACH
    assert "t0" not in chosen(tmp_path / "again", seen)["pig-1"]
