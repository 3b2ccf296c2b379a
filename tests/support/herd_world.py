"""A herd with a bad week: eight devices, some late, silent, refused; gaps, quarantine, questions, alerts."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import cv2
import duckdb
import numpy as np
from sqlalchemy.orm import Session

from herdbook.errors import ClipDecodeError, DayBoundaryError, DeviceUnreachableError, ManifestError
from herdbook.identity.queue import Candidate, Question
from herdbook.lake.migrate import migrate
from herdbook.lake.publish import publish
from herdbook.lake.rows import insert_rows
from herdbook.lake.transaction import write
from herdbook.learning.pixels import png_bytes
from herdbook.learning.review.frames import ReviewFrames, outlined
from herdbook.ledger.days import set_day
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import (
    DAY_MISSING,
    Attempt,
    DayState,
    Device,
    QuarantineEntry,
    ReviewReason,
)
from herdbook.ledger.reviews import raise_item
from herdbook.ledger.session import ledger_session
from herdbook.overview import reviews
from herdbook.settings import Settings
from support.browser import PICTURES
from support.pen_video import draw, floor

LAST = date(2026, 3, 14)
DEVICES = [f"barn-{barn}-{n}" for barn in "ab" for n in (1, 2, 3, 4)]
EVIL = "barn camera 1" if PICTURES else '<img src=x onerror="document.title=1"> & "quoted"'
"""A name as bad as names can be: a page must show it, and do nothing else. Pictures for documents do without."""


def bad_week(settings: Settings) -> None:
    """Fill ledger, lake, published herd, review queues and alerts."""
    migrate(settings)
    upgrade(settings)
    _nights(settings)
    write(settings, _cameras)
    publish(settings)
    _questions(settings)
    _alerts(settings)


def at(day: date, hours: float) -> datetime:
    """An instant, in hours since the day's midnight."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours)


def _nights(settings: Settings) -> None:
    with ledger_session(settings) as session:
        for n, device in enumerate(DEVICES):
            farm = "hill-farm" if n < 4 else "dale-farm"
            session.add(Device(device_id=device, farm_id=farm, url="http://x", timezone="UTC"))
        session.flush()
        for n, device in enumerate(DEVICES):
            for k in range(14):
                day = LAST - timedelta(k)
                tried = {
                    "device_id": device,
                    "day": day,
                    "revision": 1,
                    "exit_code": 0,
                    "bytes": 31_000_000 + 10**6 * n,
                }
                start = at(day, 25.1)
                if device == "barn-b-2" and k < 2:
                    said = f"'{device}' does not answer at https://{device}:8443"
                    error = {"exit_code": DeviceUnreachableError.exit_code, "error": "DeviceUnreachableError"}
                    silent = tried | error | {"day": None, "revision": None, "bytes": 0, "message": said}
                    session.add(Attempt(**silent, started_at=start, ended_at=start))
                    continue
                if device == "barn-a-3" and k == 4:
                    told = {"exit_code": 12, "error": DAY_MISSING, "message": f"'{device}' has no day {day} yet"}
                    session.add(Attempt(**tried | told | {"bytes": 0}, started_at=start, ended_at=start))
                    continue
                late = 3 if device == "barn-b-4" and k in (6, 7, 8) else 0
                state, message = (DayState.LANDED, None) if (device, k) == ("barn-a-4", 0) else (DayState.LOADED, None)
                if (device, k) == ("barn-a-2", 9):
                    state, message = DayState.QUARANTINED, f"manifest.json: camera_id: {EVIL} is not a name"
                key = (device, day, 1)
                set_day(session, key, sha256="0" * 64, final=True, state=state, message=message)
                ended = start + timedelta(days=late, minutes=7)
                session.add(Attempt(**tried, started_at=start + timedelta(days=late), ended_at=ended))
        _set_aside(
            session,
            ("barn-a-2", LAST - timedelta(9)),
            ManifestError,
            ("manifest.json", None),
            f"camera_id: {EVIL} is not a name",
        )
        _set_aside(
            session,
            ("barn-b-3", LAST - timedelta(1)),
            DayBoundaryError,
            ("bout.parquet", 214),
            "rows lie outside the farm-local day 2026-03-13",
        )
        _set_aside(
            session,
            ("barn-a-1", LAST - timedelta(2)),
            ClipDecodeError,
            ("cam-1_20260312T0410.mp4", None),
            "no frame can be decoded",
        )


def _set_aside(session: Session, where: tuple[str, date], error: type, what: tuple[str, int | None], said: str) -> None:
    (device, day), (file, rows) = where, what
    entry = {"device_id": device, "day": day, "revision": 1, "file": file, "error": error.__name__, "rows": rows}
    path = f"{device}/{day}/r1/{file}"
    session.add(QuarantineEntry(**entry, exit_code=error.exit_code, message=said, path=path, recorded_at=at(day, 25.2)))


def _cameras(lake: duckdb.DuckDBPyConnection) -> None:
    days, setups, rows = [], [], []
    for n, device in enumerate(DEVICES[:5]):
        for k in range(7):
            day = LAST - timedelta(k)
            if (device, k) == ("barn-a-4", 0):
                continue
            load = f"{day}-{device}"
            counts = dict.fromkeys(
                ("tracklet_rows", "bout_rows", "embedding_rows", "activity_rows", "quarantined_rows"), 0
            )
            span = {"starts_at": at(day, 0), "ends_at": at(day, 24), "loaded_at": at(day, 26)}
            known = {"manifest_sha256": "0" * 64, "software_version": "0.1.0", "timezone": "UTC", "coverage_rows": 1}
            named = {
                "load_id": load,
                "device_id": device,
                "farm_id": "hill-farm",
                "day": day,
                "revision": 1,
                "final": True,
            }
            days.append(named | span | known | counts)
            camera = f"{device}-cam"
            setups.append(
                {
                    "load_id": load,
                    "camera_id": camera,
                    "pen_id": f"pen-{n}",
                    "width": 640,
                    "height": 480,
                    "fps": 5.0,
                    "setup": "{}",
                }
            )
            spells = [(0, 24, "on", None)]
            if (n, k) == (1, 2):
                spells = [(0, 9, "on", None), (9, 15.5, "off", "power cut"), (15.5, 24, "on", None)]
            elif n == 3 and k > 2:
                spells = [
                    (0, 5, "degraded", "lens is dirty"),
                    (5, 18, "on", None),
                    (18, 24, "degraded", "lens is dirty"),
                ]
            elif (n, k) == (4, 5):
                spells = [(6, 24, "on", None)]
            spans = [(at(day, a), at(day, b), state, why) for a, b, state, why in spells]
            rows += [
                {"load_id": load, "camera_id": camera, "started_at": a, "ended_at": b, "state": s, "reason": w}
                for a, b, s, w in spans
            ]
    insert_rows(lake, "record.device_day", days)
    insert_rows(lake, "record.camera_setup", setups)
    insert_rows(lake, "record.coverage", rows)


def _questions(settings: Settings) -> None:
    """Two tracklets in doubt, one with pictures; a frame on which student and teacher differ."""
    pen = cv2.resize(draw(floor(), [(40, 40, 20), (100, 60, 70), (60, 90, 150)]), (640, 480))[:, :, ::-1]
    seen = {
        name: [png_bytes(np.ascontiguousarray(pen[y : y + 130, x : x + 150]))] * 2
        for name, x, y in (
            ("barn-a-1:2026-03-14:cam:000007", 85, 95),
            ("enrolled-P3", 325, 175),
            ("enrolled-P5", 165, 295),
        )
    }
    asked = [
        Question(
            "l",
            "barn-a-1:2026-03-14:cam:000007",
            "barn-a-1-cam",
            "pen-0",
            at(LAST, 9),
            at(LAST, 9.4),
            "P3",
            0.55,
            "contested",
            (Candidate("P3", 0.55, "enrolled-P3"), Candidate("P5", 0.38, "enrolled-P5")),
        ),
        Question(
            "l",
            "barn-a-2:2026-03-14:cam:000031",
            "barn-a-2-cam",
            None,
            at(LAST, 14),
            at(LAST, 14.1),
            None,
            0.0,
            "abstained",
            (Candidate(EVIL, 0.31, None),),
        ),
    ]
    with ledger_session(settings) as session:
        place = ("barn-a-1", LAST, "cam-1_20260314T0910.mp4", 120)
        said = {
            "site": "hill-farm",
            "score": 0.61,
            "student": "compact-4",
            "teacher": "sam3",
            "detail": "two pigs taken for one",
        }
        item, _ = raise_item(session, place, ReviewReason.OUTLINES, **said)
    image = np.ascontiguousarray(pen)
    masks = [
        cv2.ellipse(np.zeros((480, 640), np.uint8), ((x, y), (125, 65), turn), 1, -1).astype(bool)
        for x, y, turn in ((160, 160, 20), (400, 240, 70), (240, 360, 150))
    ]
    frames = ReviewFrames(settings, "hill-farm")
    frames.write_picture(item, image)
    frames.write_side(item, "student", (640, 480), outlined(item, [masks[0] | masks[2]], "pig"))
    frames.write_side(item, "teacher", (640, 480), outlined(item, masks, "pig"))
    found = reviews._questions, reviews._crops
    reviews._questions, reviews._crops = (lambda *_: asked), (lambda *_: seen)
    try:
        reviews.write_reviews(settings)
    finally:
        reviews._questions, reviews._crops = found


def _alerts(settings: Settings) -> None:
    told = {
        "at": at(LAST, 25.4).isoformat(),
        "dag_id": "nightly_ingest",
        "run_id": "r",
        "task_id": "ingest_device",
        "try_number": 5,
    }
    said = {
        "subject": {"device_id": "barn-b-2"},
        "message": "herdbook ingest barn-b-2: exit code 21. error: 'barn-b-2' does not answer",
    }
    more = told | {"task_id": "backup", "dag_id": "maintain", "subject": None, "message": EVIL}
    settings.alerts.write_text(json.dumps(more) + "\n" + json.dumps(told | said) + "\n{half a li")
