"""A device's alerts on its disk: ``<root>/alerts/``.

``book.json`` holds alerts, written whole by whoever evaluates; ``acknowledged.json`` up to which change the platform
has them, written by the agent alone. Either is replaced atomically, so that a power cut leaves the old or the new.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from herdbook.contracts.alert_message import MAX_PAGE, Alert, AlertsAcknowledgement, AlertsPage, Change
from herdbook.contracts.camera import Contract
from herdbook.contracts.durable import make_folder, write_durably

FOLDER = "alerts"
BOOK, ACKNOWLEDGED = "book.json", "acknowledged.json"
KEPT_FOR = timedelta(days=60)
"""Alerts that are over and acknowledged are forgotten so long after they ended."""


class Book(Contract):
    """All alerts that a device knows, by the change that touched each last."""

    format: Literal["herdbook-alert-book/1"] = "herdbook-alert-book/1"
    change: Change = 0
    alerts: tuple[Alert, ...] = ()
    problem: str | None = None


class AlertStore:
    """Reads and writes a device's alerts."""

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER

    def read(self) -> Book:
        """The book; an empty one where there is none or it cannot be read. Its count never falls below what the
        platform acknowledged."""
        try:
            return Book.model_validate_json((self.folder / BOOK).read_bytes())
        except (OSError, ValidationError):
            return Book(change=self.acknowledged())

    def write(self, book: Book) -> None:
        """Replace the book durably.

        Raises:
            DiskFullError: no space is left; the old one stays.
        """
        make_folder(self.folder)
        write_durably(self.folder / BOOK, (book.model_dump_json(indent=1) + "\n").encode())

    def acknowledged(self) -> int:
        """Up to which change the platform has the alerts."""
        try:
            return AlertsAcknowledgement.model_validate_json((self.folder / ACKNOWLEDGED).read_bytes()).change
        except (OSError, ValidationError):
            return 0

    def acknowledge(self, change: int) -> bool:
        """Note durably what the platform has; false where it cannot have that much. Less than before changes nothing.

        Raises:
            DiskFullError: no space is left.
        """
        if change > self.read().change:
            return False
        if change > self.acknowledged():
            make_folder(self.folder)
            note = AlertsAcknowledgement(change=change)
            write_durably(self.folder / ACKNOWLEDGED, (note.model_dump_json() + "\n").encode())
        return True

    def page(self, since: int | None = None) -> AlertsPage:
        """What changed after a change; by default what is not acknowledged yet."""
        book, acknowledged = self.read(), self.acknowledged()
        after = acknowledged if since is None else since
        news = sorted((alert for alert in book.alerts if alert.change > after), key=lambda alert: alert.change)
        return AlertsPage(alerts=tuple(news[:MAX_PAGE]), acknowledged=acknowledged, problem=book.problem)


def without_old(book: Book, acknowledged: int, now: datetime) -> Book:
    """The book less what is over, acknowledged and old."""
    kept = tuple(
        alert
        for alert in book.alerts
        if alert.ended_at is None or alert.change > acknowledged or now - alert.ended_at < KEPT_FOR
    )
    return book if len(kept) == len(book.alerts) else book.model_copy(update={"alerts": kept})
