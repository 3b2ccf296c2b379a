"""The book of what people were told: each cause at most once a night, and once more when it has ended.

``<home>/worries.json``. What could not be sent stays due, so that an outage of the mail server loses nothing. Several
processes use it at once: one at a time, by a lock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.lake.lockfile import held
from herdbook.settings import Settings

_WAIT_S = 300.0


@dataclass(frozen=True)
class Message:
    """What is told of one cause on one night: subjects with what is said of each."""

    cause: str
    night: date
    begun: Mapping[str, str]
    going_on: Mapping[str, str]
    ended: Mapping[str, str]
    """With the night on which it began."""

    @property
    def title(self) -> str:
        """One line."""
        parts = [f"{len(self.begun)} new"] if self.begun else []
        parts += [f"{len(self.going_on)} as before"] if self.going_on else []
        parts += [f"{len(self.ended)} ended"] if self.ended else []
        return f"Herdbook {self.night}: {self.cause}: {', '.join(parts)}"

    @property
    def text(self) -> str:
        """All of it, a line each."""
        lines = [f"{subject}: {said}" for subject, said in self.begun.items()]
        lines += [f"as before: {subject}: {said}" for subject, said in self.going_on.items()]
        lines += [f"ended: {subject} (since the night of {since})" for subject, since in self.ended.items()]
        return "\n".join(lines)


@dataclass
class Book:
    """The open book, written when its block ends."""

    causes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def settle(self, night: date, cause: str, subjects: Mapping[str, str]) -> None:
        """Enter all that a cause is about now: what is new begins, what is no longer named ends."""
        page = self._page(cause)
        for subject in set(page["open"]) - set(subjects):
            self.end(cause, subject)
        for subject, said in subjects.items():
            self.begin(night, cause, subject, said)

    def begin(self, night: date, cause: str, subject: str, said: str) -> None:
        """Enter one subject of a cause; again only what is said of it is new."""
        page = self._page(cause)
        known = page["open"].get(subject, {"since": night.isoformat(), "told": subject in page["ended"]})
        page["ended"].pop(subject, None)  # nobody was told yet that it had ended
        page["open"][subject] = known | {"said": said}

    def end(self, cause: str, subject: str) -> None:
        """Enter that a subject is well again; nothing is told of what nobody was told of."""
        page = self._page(cause)
        known = page["open"].pop(subject, None)
        if known is not None and known["told"]:
            page["ended"][subject] = known["since"]

    def due(self, night: date) -> list[Message]:
        """What is to be told now."""
        found = []
        for cause, page in self.causes.items():
            begun = {s: k["said"] for s, k in page["open"].items() if not k["told"]}
            if (begun or page["ended"]) and page["told_on"] != night.isoformat():
                going_on = {s: k["said"] for s, k in page["open"].items() if k["told"]}
                found.append(Message(cause, night, begun, going_on, dict(page["ended"])))
        return found

    def told(self, message: Message) -> None:
        """Enter that somebody was told."""
        page = self._page(message.cause)
        page["told_on"] = message.night.isoformat()
        for subject in message.begun:
            page["open"][subject]["told"] = True
        for subject in message.ended:
            page["ended"].pop(subject, None)

    def knows(self, cause: str, subject: str) -> bool:
        """Whether a subject is open."""
        return subject in self.causes.get(cause, {}).get("open", {})

    def _page(self, cause: str) -> dict[str, Any]:
        return self.causes.setdefault(cause, {"open": {}, "ended": {}, "told_on": None})


@contextmanager
def open_book(settings: Settings) -> Iterator[Book]:
    """The book, for one process at a time; what was entered is kept, also when the block ends with an error.

    Raises:
        LakeBusyError: others held it for minutes.
    """
    file = settings.home / "worries.json"
    make_folder(settings.home)
    lock = held(settings.home / ".worries.lock", time.monotonic() + _WAIT_S, "another process tells people")
    with lock:
        book = Book(json.loads(file.read_bytes()) if file.is_file() else {})
        before = json.dumps(book.causes)
        try:
            yield book
        finally:
            if json.dumps(book.causes) != before:
                write_durably(file, (json.dumps(book.causes, indent=1) + "\n").encode())


def settle(settings: Settings, night: date, found: Mapping[str, Mapping[str, str]]) -> Collection[Message]:
    """Enter everything that is amiss now; what is to be told of it."""
    with open_book(settings) as book:
        for cause, subjects in found.items():
            book.settle(night, cause, subjects)
        return book.due(night)
