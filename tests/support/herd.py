"""A herd in memory: the same definitions as in the lake, filled with a few rows by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import duckdb

from herdbook.contracts.ethogram import load_ethogram
from herdbook.lake.migrate import create_people, create_tables
from herdbook.lake.rows import insert_rows
from herdbook.settings import Settings

DAY = date(2026, 3, 2)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def at(hours: float, day: date = DAY) -> datetime:
    """An instant, in hours since the day's midnight in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours)


@cache
def _definitions() -> duckdb.DuckDBPyConnection:
    """Tables, views and the ethogram, made once; every herd is a transaction that is rolled back."""
    db = duckdb.connect()
    create_tables(db)
    create_people(db, Settings(home=Path("unused"), identity_threshold=0.6))
    shared = {"ethogram_id": "pig-9", "species": "pig", "version": 1, "recorded_at": LONG_AGO}
    rows = [{"behaviour": b.name, "posture": b.posture.value} for b in load_ethogram("pig-9").behaviours]
    insert_rows(db, "record.ethogram", [shared | row for row in rows])
    return db


class Herd:
    """Small input tables. Times are hours of the day; farm ``f1``, pen ``p1``, camera ``c1`` unless said otherwise."""

    def __init__(self) -> None:
        self.db = _definitions().cursor()
        self.db.execute("SET TimeZone = 'UTC'; BEGIN")
        self._numbers = count(1)

    def __enter__(self) -> Herd:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.execute("ROLLBACK")
        self.db.close()

    def insert(self, table: str, *rows: dict[str, Any]) -> None:
        insert_rows(self.db, table, rows)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.db.execute(sql).fetchall()

    def one(self, sql: str) -> dict[str, Any]:
        found = self.db.execute(sql)
        names = [c[0] for c in found.description]
        rows = found.fetchall()
        assert len(rows) == 1, rows
        return dict(zip(names, rows[0], strict=True))

    def load(
        self,
        load: str = "l1",
        *,
        device: str = "d1",
        day: date = DAY,
        cameras: dict[str, str] | None = None,
        on: tuple[float, float] | None = (0, 24),
        hours: float = 24,
        **more: Any,
    ) -> str:
        """A load with its cameras; ``on`` is their coverage, in hours."""
        self.insert(
            "record.device_day",
            {
                "load_id": load,
                "device_id": device,
                "farm_id": "f1",
                "day": day,
                "revision": 1,
                "timezone": "UTC",
                "starts_at": at(0, day),
                "ends_at": at(hours, day),
                "final": True,
                "manifest_sha256": "0" * 64,
                "software_version": "1",
                "coverage_rows": 0,
                "tracklet_rows": 0,
                "bout_rows": 0,
                "embedding_rows": 0,
                "activity_rows": 0,
                "quarantined_rows": 0,
                "loaded_at": at(30, day),
            }
            | more,
        )
        release = {"engine": "motion", "space_id": "s", "dimensions": 2, "ethogram_id": "pig-9"}
        self.insert("record.model_release", {"load_id": load, "release_id": "m1"} | release)
        for camera, pen in (cameras or {"c1": "p1"}).items():
            size = {"width": 1, "height": 1, "fps": 1, "setup": "{}"}
            self.insert("record.camera_setup", {"load_id": load, "camera_id": camera, "pen_id": pen} | size)
            if on is not None:
                self.coverage(*on, load=load, camera=camera, day=day)
        return load

    def coverage(
        self, start: float, end: float, *, load: str = "l1", camera: str = "c1", state: str = "on", day: date = DAY
    ) -> None:
        times = {"started_at": at(start, day), "ended_at": at(end, day)}
        self.insert("record.coverage", {"load_id": load, "camera_id": camera, "state": state, "reason": None} | times)

    def tracklet(
        self,
        start: float,
        end: float,
        *,
        animal: str | None = "a1",
        confidence: float = 0.9,
        load: str = "l1",
        camera: str = "c1",
        day: date = DAY,
    ) -> str:
        """A tracklet, claimed to be an animal."""
        name = f"t{next(self._numbers):03}"
        self.insert(
            "record.tracklet",
            {
                "load_id": load,
                "tracklet_id": name,
                "camera_id": camera,
                "started_at": at(start, day),
                "ended_at": at(end, day),
                "frames": 1,
                "confidence": 0.9,
                "clip": None,
                "release_id": "m1",
            },
        )
        if animal is not None:
            self.claim(name, animal, confidence, load=load)
        return name

    def claim(
        self, tracklet: str, animal: str | None, confidence: float, *, load: str = "l1", recorded: float = 30
    ) -> None:
        self.insert(
            "identity.claim",
            {
                "claim_id": f"k{next(self._numbers):03}",
                "load_id": load,
                "tracklet_id": tracklet,
                "animal_id": animal,
                "confidence": confidence,
                "method": "appearance",
                "space_id": "s",
                "recorded_at": at(recorded),
                "run_id": "r",
            },
        )

    def bout(
        self,
        tracklet: str,
        start: float,
        end: float,
        behaviour: str,
        probability: float = 0.8,
        *,
        load: str = "l1",
        day: date = DAY,
        release: str = "m1",
    ) -> None:
        self.insert(
            "record.bout",
            {
                "load_id": load,
                "tracklet_id": tracklet,
                "started_at": at(start, day),
                "ended_at": at(end, day),
                "behaviour": behaviour,
                "probability": probability,
                "zone_id": None,
                "clip": None,
                "release_id": release,
            },
        )

    def activity(
        self, tracklet: str, hour: float, observed_s: float, distance_m: float | None, *, load: str = "l1", **more: Any
    ) -> None:
        self.insert(
            "record.activity",
            {
                "load_id": load,
                "tracklet_id": tracklet,
                "hour": at(hour),
                "observed_s": observed_s,
                "distance_px": 1,
                "distance_m": distance_m,
                "speed_p95_m_s": None,
                "body_length_m": None,
                "body_area_m2": None,
                "calibration_id": None,
                "clip": None,
                "release_id": "m1",
            }
            | more,
        )

    def stay(self, animal: str, pen: str = "p1", start: float = -1000, end: float | None = None) -> None:
        self.insert(
            "roster.pen_stay",
            {
                "animal_id": animal,
                "pen_id": pen,
                "valid_from": at(start),
                "valid_to": None if end is None else at(end),
                "recorded_at": LONG_AGO,
                "retracted": False,
                "source": "test",
            },
        )
