"""Both review queues with their pictures, made once a night: finding questions and cutting crops is no work for a page.

``<home>/pages/reviews/`` holds ``reviews.json`` and ``<sha256>.png``. The file names pictures by what they are, so that
a new one is put in place in one step and a page never shows a picture of another animal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from herdbook.contracts.digest import sha256_of_bytes
from herdbook.contracts.durable import make_folder, write_durably
from herdbook.errors import NotFoundError
from herdbook.identity.match import loads_of
from herdbook.identity.queue import Question, questions
from herdbook.ledger import reviews as queue
from herdbook.ledger.models import ReviewItem, ReviewState
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

LIMIT = 20
"""Of each queue; who has decided these looks again the next day, or calls the command."""


def write_reviews(settings: Settings, limit: int = LIMIT) -> dict[str, Any]:
    """Write what is most worth a person's look, with pictures where there is footage; what was written.

    Raises:
        NotInitialisedError: there is no lake or ledger.
        DiskFullError: there is no room; the old file stays.
    """
    folder = make_folder(_folder(settings))
    asked = _questions(settings, limit)
    crops = _crops(settings, asked)
    with ledger_session(settings) as session:
        waiting = session.scalar(select(func.count()).where(ReviewItem.state == ReviewState.OPEN)) or 0
        frames = queue.items(session)[:limit]
    told = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "identity": [_asked(question, folder, crops) for question in asked],
        "learning_waiting": waiting,
        "learning": [_item(settings, item, folder) for item in frames],
    }
    write_durably(folder / "reviews.json", (json.dumps(told, default=str) + "\n").encode())
    kept = set(_pictures(told))
    for path in folder.glob("*.png"):
        if path.stem not in kept:
            path.unlink()
    return told


def read_reviews(settings: Settings) -> dict[str, Any]:
    """What was written last, less the frames that were decided meanwhile; empty where nothing was."""
    try:
        told: dict[str, Any] = json.loads((_folder(settings) / "reviews.json").read_bytes())
    except FileNotFoundError:
        return {"made_at": None, "identity": [], "learning_waiting": 0, "learning": []}
    with ledger_session(settings) as session:
        still = select(ReviewItem.item_id).where(ReviewItem.state == ReviewState.OPEN)
        open_now = set(session.scalars(still.where(ReviewItem.item_id.in_([i["item"] for i in told["learning"]]))))
    return told | {"learning": [item for item in told["learning"] if item["item"] in open_now]}


def picture(settings: Settings, digest: str) -> Path:
    """Where a picture lies.

    Args:
        settings: of the home.
        digest: 64 lower-case hexadecimal digits; the caller has made sure of that.

    Raises:
        NotFoundError: it is not there (any more).
    """
    path = _folder(settings) / f"{digest}.png"
    if not path.is_file():
        raise NotFoundError(f"there is no picture {digest}", "Load the page again: the queue was made anew.")
    return path


def _folder(settings: Settings) -> Path:
    return settings.home / "pages" / "reviews"


def _questions(settings: Settings, limit: int) -> list[Question]:
    loads = loads_of(settings)
    return questions(settings, [load for load in loads if load[:10] == loads[-1][:10]], limit=limit) if loads else []


def _crops(settings: Settings, asked: Sequence[Question]) -> Mapping[str, Sequence[bytes]]:
    shown = {q.tracklet_id for q in asked} | {c.reference for q in asked for c in q.candidates if c.reference}
    if not shown or not settings.footage.is_dir():
        return {}
    from herdbook.learning.review.crops import crops

    return crops(settings, shown)


def _asked(question: Question, folder: Path, crops: Mapping[str, Sequence[bytes]]) -> dict[str, Any]:
    told = asdict(question)
    told["pictures"] = [_kept(folder, png) for png in crops.get(question.tracklet_id, ())]
    for candidate in told["candidates"]:
        candidate["pictures"] = [_kept(folder, png) for png in crops.get(candidate["reference"] or "", ())]
    return told


def _item(settings: Settings, item: ReviewItem, folder: Path) -> dict[str, Any]:
    named = ("site", "device_id", "day", "clip", "frame", "subject", "score", "detail", "student", "teacher")
    told = {"item": item.item_id, "reason": item.reason.value} | {name: getattr(item, name) for name in named}
    return told | {"sides": {side: _kept(folder, png) for side, png in _sides(settings, item).items()}}


def _sides(settings: Settings, item: ReviewItem) -> dict[str, bytes]:
    """The frame once for each side, with that side's outlines: two pictures need no colours to be told apart."""
    try:
        from herdbook.learning.review.drawing import draw_sides, frame_of
        from herdbook.learning.review.frames import ReviewFrames

        image = frame_of(settings, item)
    except (ImportError, NotFoundError):  # drawn with an extra that is not installed; or gone
        return {}
    return {
        name: draw_sides(image, {name: said}) for name, said in ReviewFrames(settings, item.site).sides(item).items()
    }


def _kept(folder: Path, png: bytes) -> str:
    digest = sha256_of_bytes(png)
    if not (folder / f"{digest}.png").is_file():
        write_durably(folder / f"{digest}.png", png)
    return digest


def _pictures(told: Mapping[str, Any]) -> list[str]:
    found = [digest for item in told["learning"] for digest in item["sides"].values()]
    for question in told["identity"]:
        found += [*question["pictures"], *(d for c in question["candidates"] for d in c["pictures"])]
    return found
