"""What follows a night's ingest: load every landed day, claim identities, reconcile the ledger, check, publish.

Each step may be run again at any time and continues where the last one stopped: the lake alone says what is loaded
and claimed, whatever was killed before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from herdbook.contracts.landed_day import MARKER, LandedDay, Landing, landed_days, read_landed_day
from herdbook.contracts.share import ALL, Share
from herdbook.errors import HerdbookError, LakeCheckFailedError, NotFoundError
from herdbook.settings import Settings

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much (0: not known)."""


@dataclass(frozen=True)
class DayLoad:
    """A device day that came into the lake just now."""

    device_id: str
    day: date
    revision: int
    load_id: str
    rows: int


@dataclass
class Night:
    """What was done, and what could not be."""

    loads: list[DayLoad] = field(default_factory=list)
    claimed: list[str] = field(default_factory=list)
    """Load ids whose tracklets were matched to animals."""
    published: Path | None = None
    errors: list[HerdbookError] = field(default_factory=list)

    def raise_errors(self) -> None:
        """Raise what was collected as one error of the first one's class.

        Raises:
            HerdbookError: at least one day could not be loaded or claimed.
        """
        if self.errors:
            first = self.errors[0]
            raise type(first)("; ".join(error.message for error in self.errors), first.remedy)


def waiting_days(settings: Settings, days: Collection[date] = (), share: Share = ALL) -> list[Path]:
    """Landed folders that the lake does not hold as they are: the highest revision of each day, oldest day first.

    Args:
        settings: where landing area and lake are.
        days: only these; all when empty.
        share: of the device days.

    Raises:
        NotFoundError: nothing has landed for one of ``days``.
    """
    from herdbook.lake.attach import open_lake

    highest = {(f.parent.parent.name, f.parent.name): f for f in landed_days(settings.landing)}
    chosen = {key: f for key, f in highest.items() if not days or date.fromisoformat(key[1]) in days}
    missing = set(days) - {date.fromisoformat(day) for _, day in chosen}
    if missing:
        names = ", ".join(day.isoformat() for day in sorted(missing))
        raise NotFoundError(f"nothing has landed for {names}", "Fetch it with `herdbook ingest DEVICE DAY`.")
    with open_lake(settings, read_only=True) as lake:
        rows = lake.execute(
            "SELECT device_id, day, revision, manifest_sha256, quarantined_rows FROM main.device_day"
        ).fetchall()
    held = {(device, day.isoformat()): (revision, *content) for device, day, revision, *content in rows}
    waiting = [folder for key, folder in chosen.items() if share.has(*key) and _differs(folder, held.get(key))]
    return sorted(waiting, key=lambda f: (f.parent.name, f.parent.parent.name))


def load_days(settings: Settings, folders: Sequence[Path], progress: Progress | None = None) -> Night:
    """Load landed days one after another; one that fails does not stop the next."""
    from herdbook.lake.load import load_device_day

    night = Night()
    for done, folder in enumerate(folders):
        try:
            landed = read_landed_day(folder)
            _say(progress, f"loading {_name(landed)}", done, len(folders))
            result = load_device_day(settings, landed)
        except HerdbookError as error:
            night.errors.append(error)
            continue
        if result.loaded:
            manifest = landed.manifest
            night.loads.append(
                DayLoad(manifest.device_id, manifest.day, manifest.revision, result.load_id, result.rows)
            )
    return night


def claim_days(settings: Settings, night: Night, progress: Progress | None = None, share: Share = ALL) -> None:
    """Match the tracklets of every load that wants it to animals, adding to ``night``; of a share of them."""
    from herdbook.identity.pending import unmatched_loads

    wanting = [(load_id, name) for load_id, name in unmatched_loads(settings) if share.has(*name.split())]
    if not wanting:
        return
    from herdbook.identity.match import claim_device_day

    for done, (load_id, name) in enumerate(wanting):
        _say(progress, f"claiming identities of {name}", done, len(wanting))
        try:
            claim_device_day(settings, load_id)
            night.claimed.append(load_id)
        except HerdbookError as error:
            night.errors.append(error)


def reconcile(settings: Settings) -> int:
    """Make the ledger agree with the lake on what is loaded.

    Returns:
        How many device days the ledger had wrong.
    """
    from herdbook.lake.attach import open_lake
    from herdbook.ledger.days import mark_loaded
    from herdbook.ledger.session import ledger_session

    with open_lake(settings, read_only=True) as lake:
        loaded = lake.execute("SELECT device_id, day, revision, manifest_sha256 FROM record.device_day").fetchall()
    with ledger_session(settings) as session:
        return mark_loaded(session, loaded)


def check_and_publish(settings: Settings, progress: Progress | None = None) -> Path:
    """Run the lake's checks, then publish ``herd.duckdb`` of the very state that passed.

    Raises:
        LakeCheckFailedError: a check marked *fail* found rows; what was published last stays.
    """
    from herdbook.lake.attach import latest_snapshot
    from herdbook.lake.check import run_checks
    from herdbook.lake.migrate import migrate
    from herdbook.lake.publish import publish

    migrate(settings, create=False)  # a setting may have changed since the views were made
    snapshot = latest_snapshot(settings)
    results = run_checks(
        settings,
        snapshot=snapshot,
        progress=lambda name, done, total: _say(progress, f"checking {name}", done, total),
    )
    failed = [result.name for result in results if result.failed]
    if failed:
        raise LakeCheckFailedError(f"checks failed: {', '.join(failed)}")
    what = "publishing herd.duckdb"
    _say(progress, what, 0, 0)
    return publish(settings, lambda done, total: _say(progress, what, done, total), snapshot=snapshot)


def load_herd(
    settings: Settings,
    days: Collection[date] = (),
    *,
    publish: bool = True,
    progress: Progress | None = None,
    share: Share = ALL,
) -> Night:
    """Load, claim, reconcile, check and publish. Call ``raise_errors`` on what it returns.

    Args:
        settings: where everything is.
        days: load only these; every landed day when empty.
        publish: whether to check and publish in the end.
        progress: told each step.
        share: which of the waiting days; whoever does the other shares may do so at the same time.

    Raises:
        NotFoundError: nothing has landed for one of ``days``.
        LakeCheckFailedError: nothing was published because a check failed.
    """
    night = load_days(settings, waiting_days(settings, days, share), progress)
    claim_days(settings, night, progress, share)
    _say(progress, "reconciling the ledger", 0, 0)
    reconcile(settings)
    if publish:
        night.published = check_and_publish(settings, progress)
    return night


def _differs(folder: Path, held: tuple[int, str, int] | None) -> bool:
    """Whether a landed folder is a later revision than what the lake holds, or the same one accepted differently."""
    revision = int(folder.name[1:])
    if held is None or revision != held[0]:
        return held is None or revision > held[0]
    try:
        landing = Landing.model_validate_json((folder / MARKER).read_bytes())
    except (OSError, ValidationError):
        return True  # loading it will say what is wrong
    return (landing.manifest_sha256, landing.quarantined_rows) != held[1:]


def _name(landed: LandedDay) -> str:
    return f"{landed.manifest.device_id} {landed.manifest.day}"


def _say(progress: Progress | None, what: str, done: int, total: int) -> None:
    if progress is not None:
        progress(what, done, total)
