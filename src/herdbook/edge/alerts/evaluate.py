"""A device's rules over the days that it keeps: `<root>/alerts/days/<day>.json`, one summary each.

Everything can be done again: a summary replaces the one of its day, findings are a function of the summaries, and the
book changes only where a finding does. A process that is killed anywhere leaves nothing to mend.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from herdbook.contracts.alert_message import MAX_CLIPS
from herdbook.contracts.alerts import AlertRules, CrowdingRule, LyingRule, NotAtFeederRule
from herdbook.contracts.digest import sha256_of_bytes
from herdbook.contracts.durable import make_folder, write_durably
from herdbook.edge.alerts.book import AlertStore, Book, without_old
from herdbook.edge.alerts.crowding import crowding
from herdbook.edge.alerts.feeder import not_at_feeder
from herdbook.edge.alerts.findings import RECENT, Finding
from herdbook.edge.alerts.lying import lying
from herdbook.edge.alerts.reconcile import reconcile
from herdbook.edge.alerts.summary import DaySummary, read_summary
from herdbook.edge.locks import in_use


def find(rules: AlertRules, days: Sequence[DaySummary]) -> Iterator[Finding]:
    """All episodes that the rules find.

    Args:
        rules: those that hold now. Visits and crowds that were told by others are passed over, with their days.
        days: summaries, oldest first.
    """
    mine = sha256_of_bytes(rules.to_bytes())
    newest = days[-1].day if days else date.min
    recent = [day for day in days if day.rules_sha256 == mine and newest - day.day <= RECENT]
    for rule in rules.rules:
        if isinstance(rule, NotAtFeederRule):
            yield from not_at_feeder(rule, recent)
        elif isinstance(rule, LyingRule):
            yield from lying(rule, days)
        elif isinstance(rule, CrowdingRule):
            yield from crowding(rule, recent)


class Evaluation:
    """One device's alerts."""

    def __init__(self, root: Path, device_id: str, rules: AlertRules) -> None:
        self.store = AlertStore(root)
        self._days = self.store.folder / "days"
        self._device_id, self._rules = device_id, rules
        self._mine = sha256_of_bytes(rules.to_bytes())
        history = [rule.history_days for rule in rules.rules if isinstance(rule, LyingRule)]
        self._kept = timedelta(days=max(history, default=0)) + RECENT
        self._read: dict[date, tuple[bytes, DaySummary]] = {}

    def take(self, summary: DaySummary, *, issued: bool, now: datetime | None = None) -> Book:
        """Take a day, or what there is of it, and bring the alerts up to it.

        Args:
            summary: replaces what is known of its day, unless it comes from a recorder that is still on its way to
                where an earlier one was.
            issued: whether it is that of an issued revision.
            now: the present, for tests.

        Raises:
            DiskFullError: no space is left; everything stays as it was.
        """
        make_folder(self._days)
        with in_use(self._days, wait=True):
            path = self._days / f"{summary.day.isoformat()}.json"
            known = self._summary(path)
            if not issued and known is not None and (known.final or known.until > summary.until):
                return self.store.read()
            if known != summary:
                write_durably(path, summary.to_bytes())
            return self._evaluate(now or datetime.now(UTC))

    def _evaluate(self, now: datetime) -> Book:
        days = self._kept_days()
        before = self.store.read()
        since = days[-1].starts - RECENT.total_seconds()

        def clips(finding: Finding) -> tuple[str, ...]:
            moments = (finding.began, finding.raised - 1)
            found = [name for day in days for name in day.clips_around(finding.cameras, moments)]
            return tuple(dict.fromkeys(found))[:MAX_CLIPS]

        book = reconcile(
            before,
            list(find(self._rules, days)),
            device_id=self._device_id,
            rules_sha256=self._mine,
            since=since,
            clips=clips,
        )
        book = without_old(book, self.store.acknowledged(), now)
        if book.problem is not None:
            book = book.model_copy(update={"problem": None})
        if book is not before:
            self.store.write(book)
        return book

    def _kept_days(self) -> list[DaySummary]:
        """Summaries by day; the files of those that are too old go."""
        found = [(path, day) for path in sorted(self._days.glob("*.json")) if (day := self._summary(path)) is not None]
        newest = max(day.day for _, day in found)
        for path, day in found:
            if newest - day.day > self._kept:
                path.unlink(missing_ok=True)
                self._read.pop(day.day, None)
        return [day for _, day in found if newest - day.day <= self._kept]

    def _summary(self, path: Path) -> DaySummary | None:
        """A day's summary; parsed once while its bytes stay."""
        try:
            raw = path.read_bytes()
            day = date.fromisoformat(path.stem)
        except (OSError, ValueError):
            return None
        known = self._read.get(day)
        if known is None or known[0] != raw:
            summary = read_summary(raw)
            if summary is None or summary.day != day:
                return None
            known = self._read[day] = (raw, summary)
        return known[1]


def note_problem(root: Path, problem: str) -> None:
    """Write down why a device cannot evaluate its rules, for those who ask it."""
    store = AlertStore(root)
    make_folder(store.folder / "days")
    with in_use(store.folder / "days", wait=True):
        book = store.read()
        if book.problem != problem[:500]:
            store.write(book.model_copy(update={"problem": problem[:500]}))
