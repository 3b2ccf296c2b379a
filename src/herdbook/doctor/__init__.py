"""`herdbook doctor`: is everything in place that a night needs? Each finding says what to do."""

from __future__ import annotations

from collections.abc import Iterator

from herdbook.contracts.validation import one_line
from herdbook.doctor import cluster, machine, objects, postgres, registry, stores
from herdbook.doctor.findings import Checkup, Finding, Verdict
from herdbook.errors import HerdbookError
from herdbook.lake.attach import redact
from herdbook.settings import Settings

__all__ = ["Finding", "Verdict", "examine"]

CHECKUPS: tuple[tuple[str, Checkup], ...] = (
    ("python", machine.python),
    ("home", machine.home),
    ("shared home", machine.shared_home),
    ("disk", machine.disk),
    ("secrets", machine.secrets),
    ("video", machine.video),
    ("extensions", stores.extensions),
    ("lake", stores.lake),
    ("lake data", objects.lake_data),
    ("ledger", stores.ledger),
    ("postgresql", postgres.servers),
    ("published", stores.published),
    ("backups", stores.backups),
    ("mlflow", registry.mlflow),
    ("mlflow artifacts", objects.mlflow_artifacts),
    ("dvc remote", objects.dvc_remote),
    ("broker", cluster.broker),
    ("extras", machine.extras),
    ("triton", machine.triton),
)


def examine(settings: Settings) -> Iterator[Finding]:
    """Run every checkup. None of them changes anything: what is written to try a place is removed again."""
    settings = settings.model_copy(update={"database_wait_s": 1.0})  # a person waits, not a night
    for name, checkup in CHECKUPS:
        try:
            found = checkup(settings)
            yield from [found] if isinstance(found, Finding) else found
        except HerdbookError as error:
            yield Finding(name, Verdict.FAIL, error.message, error.remedy)
        except Exception as error:  # whatever a library makes of a wrong setting: the other checkups go on
            said = f"{type(error).__name__}: {one_line(redact(str(error)))}"
            yield Finding(
                name, Verdict.FAIL, said, "Correct the setting that this is about; `HERDBOOK_…` are all of them."
            )
