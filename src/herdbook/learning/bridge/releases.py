"""The two ends of a bridge, as people name them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pydantic import ValidationError

from herdbook.contracts.release import RELEASE_NAME, Release
from herdbook.contracts.validation import first_problem
from herdbook.edge.config import MOTION_RELEASE
from herdbook.edge.perception.network import read_network
from herdbook.errors import ConfigurationError, NotFoundError
from herdbook.fleet.rollout.store import load
from herdbook.learning.evaluation.engine_file import read_engine
from herdbook.learning.evaluation.predictions import Engine
from herdbook.ledger.rollouts import MemberPhase
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings


def releases_of(settings: Settings, rollout_id: int) -> tuple[str | None, str]:
    """What most of the devices ran that a rollout brought to its release, and that release.

    The first is none where it brought nobody there who did not run it already.

    Raises:
        NotFoundError: there is no such rollout.
        NotInitialisedError: there is no ledger.
    """
    with ledger_session(settings) as session:
        state = load(session, rollout_id).state
    former = Counter(
        member.former
        for member in state.members.values()
        if member.phase is MemberPhase.PROVED and member.former not in (None, state.release_id)
    )
    return max(former, key=lambda name: (former[name], name or ""), default=None), state.release_id


def release_engine(settings: Settings, said: str) -> Engine:
    """A release as a device would run it.

    Args:
        settings: where releases are kept.
        said: a folder with an ``engine.yaml`` or a ``release.json``; or the id of a release that was made here; or
            ``motion-1``, which every device has.

    Raises:
        NotFoundError: there is no such release.
        ConfigurationError: the folder is not one.
    """
    named = settings.home / "releases" / "made" / said
    folder = named if said == Path(said).name and named.is_dir() else Path(said)
    if said == MOTION_RELEASE.release_id and not folder.is_dir():
        return Engine()
    if (folder / "engine.yaml").is_file():
        return read_engine(folder / "engine.yaml")
    if not (folder / RELEASE_NAME).is_file():
        raise NotFoundError(
            f"there is no release '{said}'", "Name one that `herdbook fleet release` made, or the folder of one."
        )
    try:
        use = Release.model_validate_json((folder / RELEASE_NAME).read_bytes()).use
    except (OSError, ValidationError) as error:
        problem = first_problem(error.errors()) if isinstance(error, ValidationError) else error.strerror
        raise ConfigurationError(f"{folder / RELEASE_NAME}, {problem}") from error
    return Engine(release=use, models=tuple(folder / name for name in read_network(folder).files), network=folder)
