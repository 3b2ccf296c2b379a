"""Every try is entered in the ledger, however it ends."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date

from herdbook.errors import HerdbookError, StorageError
from herdbook.ingest.meter import Meter
from herdbook.ingest.result import Finding
from herdbook.ledger.columns import utc_now
from herdbook.ledger.models import DAY_MISSING, Attempt
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

_INTERRUPTED = 130


@dataclass
class Outcome:
    """Filled in by the try itself: the revision it met, and what it found without failing."""

    revision: int | None = None
    findings: tuple[Finding, ...] = ()
    missing: bool = False
    """The device does not have the day."""


@contextmanager
def attempt(
    settings: Settings, device_id: str, day: date | None, meter: Meter | None = None, *, revision: int | None = None
) -> Iterator[Outcome]:
    """Enter how the block ended. An error passes through; the first finding counts as the error where there is none.

    Raises:
        HerdbookError: in place of any exception that nobody foresaw: one day's fault must not take the others along.
            Its traceback is in the ledger.
    """
    started, outcome, before = utc_now(), Outcome(revision), meter.fetched if meter else 0

    def enter(exit_code: int, error: str | None, message: str | None) -> None:
        with ledger_session(settings) as session:
            session.add(
                Attempt(
                    device_id=device_id,
                    day=day,
                    revision=outcome.revision,
                    started_at=started,
                    ended_at=utc_now(),
                    bytes=meter.fetched - before if meter else 0,
                    exit_code=exit_code,
                    error=error,
                    message=message,
                )
            )

    try:
        yield outcome
    except HerdbookError as error:
        with suppress(StorageError):  # a full disk may refuse this too; the first error is the news
            enter(error.exit_code, DAY_MISSING if outcome.missing else type(error).__name__, error.message)
        raise
    except Exception as error:
        said = f"{device_id} {day or ''}".strip() + f": {type(error).__name__}: {error}"
        with suppress(StorageError):
            enter(HerdbookError.exit_code, type(error).__name__, traceback.format_exc())
        raise HerdbookError(said) from error
    except BaseException as error:
        with suppress(StorageError):
            enter(_INTERRUPTED, type(error).__name__, None)
        raise
    first = next(iter(outcome.findings), None)
    enter(
        0 if first is None else first.error.exit_code,
        None if first is None else first.error.__name__,
        None if first is None else first.message,
    )
