"""A bridge run: choose footage, read it with both releases, and say what the change of model alone does."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date

from herdbook.contracts.durable import make_folder
from herdbook.contracts.ethogram import load_ethogram
from herdbook.errors import EmptyDatasetError
from herdbook.identity.bridge import bridges_folder
from herdbook.lake.lockfile import held
from herdbook.learning.archive import archived_days
from herdbook.learning.bridge.align import align
from herdbook.learning.bridge.behaviour import differences
from herdbook.learning.bridge.clips import BridgeClip, choose
from herdbook.learning.bridge.read import BothRead, Progress, forget, read_both
from herdbook.learning.bridge.store import Bridged, known_bridge, store_bridge
from herdbook.learning.evaluation.predictions import Engine
from herdbook.settings import Settings


@dataclass(frozen=True)
class BridgeRun:
    """Which row it is in the lake, and whether it was made now."""

    bridge_id: str
    new: bool


def chosen_clips(
    settings: Settings,
    count: int | None = None,
    *,
    device_id: str | None = None,
    since: date | None = None,
    until: date | None = None,
) -> list[BridgeClip]:
    """Clips of the archive for a bridge; as many as the settings say where no number is given.

    Raises:
        NotInitialisedError: there is no ledger or lake.
        EmptyDatasetError: no footage is kept.
    """
    chosen = choose(
        archived_days(settings, device_id=device_id, since=since, until=until), count or settings.bridge_clips
    )
    if not chosen:
        raise EmptyDatasetError(
            "the archive keeps no footage that could be read",
            "Ingest keeps clips as its budget allows; name other days or devices, or raise the budget.",
        )
    return chosen


def bridge(
    settings: Settings,
    old: Engine,
    new: Engine,
    clips: list[BridgeClip],
    *,
    again: bool = False,
    progress: Progress = lambda *_: None,
) -> BridgeRun:
    """Read clips with both releases and store what differs, unless these releases have read these clips.

    Interrupted, the same call goes on with the clip that it was at.

    Args:
        settings: where lake, footage and registry are.
        old: the release before.
        new: the release after.
        clips: `chosen_clips`.
        again: though it was done.
        progress: told the seconds of footage that are done.

    Raises:
        ConfigurationError: an engine cannot be made, or the lake knows another release of its name.
        EmptyDatasetError: no clip could be read.
        LakeBusyError: another process makes this bridge.
        DiskFullError, StorageError: see the message; the next call goes on.
    """
    known = known_bridge(settings, old, new, [one.clip.sha256 for one in clips])
    if known is not None and not again:
        return BridgeRun(known, new=False)
    name = f"{old.release.release_id}-{new.release.release_id}"
    folder = make_folder(bridges_folder(settings.registry))
    cache = folder / f"{name}-{old.digest[:12]}-{new.digest[:12]}"
    with held(folder / f".{name}.lock", time.monotonic(), f"another process bridges {name}"):
        read = read_both(clips, old, new, cache, progress)
        if not read:
            raise EmptyDatasetError("none of the clips can be read", "Look at them with `herdbook doctor`.")
        bridge_id = store_bridge(settings, compare(old, new, read))
        forget(cache)
    return BridgeRun(bridge_id, new=True)


def compare(old: Engine, new: Engine, read: list[BothRead]) -> Bridged:
    """What two readings of the same clips say of the change."""
    behaviours = {name for engine in (old, new) for name in load_ethogram(engine.release.ethogram_id).names}
    places = [(one.clip.clip.camera_id, one.clip.cluster, one.clip.clip.name) for one in read]
    return Bridged(
        old,
        new,
        tuple(one.clip.clip.sha256 for one in read),
        sum(one.seconds for one in read),
        differences([one.clip.sequence() for one in read], [o.old for o in read], [o.new for o in read], behaviours),
        align([one.pairs for one in read], places, (old.release.space_id, new.release.space_id)),
    )
