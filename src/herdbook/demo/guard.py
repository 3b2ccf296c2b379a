"""The demo keeps to a home of its own: one that was not there, was empty, or bears the mark it left when it took it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from herdbook.contracts.durable import write_durably
from herdbook.errors import ConfigurationError, StorageError
from herdbook.settings import Settings

MARKER = "DEMO.txt"
_MARK = b"Herdbook's demo made what lies here. `herdbook demo --fresh` deletes it and begins anew. Layout 1.\n"
"""Another text is the mark of another layout, or of nobody we know."""

_OURS = (
    *("demo", "airflow", "lake", "landing", "footage", "quarantine", "backups", "inbox", "locks", "secrets"),
    *("registry", "pages", "worries.json", ".worries.lock"),
    *("ledger.sqlite*", "herd.duckdb", ".herd.duckdb*", "alerts.jsonl"),
)
"""All that a demo makes in its home. ``demo`` comes first: without its list of finished steps the rest is not believed,
should we be killed half-way."""


@contextmanager
def guarded(settings: Settings, *, fresh: bool) -> Iterator[None]:
    """Take the home for a demo and keep other demos out of it; with ``fresh``, remove what an earlier demo made.

    Raises:
        ConfigurationError: the home or a store holds something that is not the demo's.
        StorageError: another demo runs here.
    """
    if settings.catalog or settings.data_path or settings.ledger_url:
        raise ConfigurationError(
            "the demo writes simulated animals, and HERDBOOK_CATALOG, HERDBOOK_DATA_PATH or HERDBOOK_LEDGER_URL "
            "name stores of your own",
            "Unset them for the demo.",
        )
    home = settings.home
    home.mkdir(parents=True, exist_ok=True)
    folder = os.open(home, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(
                f"another demo runs in {home}", "Wait for it, or stop it with Ctrl-C where it runs."
            ) from error
        _take(home)
        if fresh:
            _empty(home)
        yield
    finally:
        os.close(folder)


def _take(home: Path) -> None:
    """Leave our mark, or find it."""
    marker = home / MARKER
    if not any(home.iterdir()):
        write_durably(marker, _MARK)
    if not marker.is_file() or marker.read_bytes() != _MARK:
        raise ConfigurationError(
            f"{home} holds something that is not the demo's, or a demo of another version of Herdbook",
            "Give the demo a folder of its own: HERDBOOK_HOME=/some/new/folder herdbook demo",
        )


def _empty(home: Path) -> None:
    for pattern in _OURS:
        for path in sorted(home.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
