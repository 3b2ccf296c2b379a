"""Every try is entered in the ledger, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date

from herdbook.errors import HerdbookError, StorageError
from herdbook.ingest.meter import Meter
from herdbook.ingest.result import Finding
from herdbook.ledger.columns import utc_now
from herdbook.ledger.models import Attempt
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings


class Outcome:
    """Filled in by the try itself: the revision it met, and what it found without failing."""

    revision: int | None = None
    findings: tuple[Finding, ...] = ()


@contextmanager
def attempt(settings: Settings, device_id: str, day: date | None, meter: Meter) -> Iterator[Outcome]:
    """Enter how the block ended. An error passes through; the first finding of a landed day counts as its error."""
    started, outcome, before = utc_now(), Outcome(), meter.fetched

    def enter(exit_code: int, error: str | None, message: str | None) -> None:
        with ledger_session(settings) as session:
            session.add(
                Attempt(
                    device_id=device_id,
                    day=day,
                    revision=outcome.revision,
                    started_at=started,
                    ended_at=utc_now(),
                    bytes=meter.fetched - before,
                    exit_code=exit_code,
                    error=error,
                    message=message,
                )
            )

    try:
        yield outcome
    except HerdbookError as error:
        with suppress(StorageError):  # a full disk may refuse this too; the first error is the news
            enter(error.exit_code, type(error).__name__, error.message)
        raise
    first = next(iter(outcome.findings), None)
    enter(
        0 if first is None else first.error.exit_code,
        None if first is None else first.error.__name__,
        None if first is None else first.message,
    )
