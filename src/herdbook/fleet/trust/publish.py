"""Releases and the engines built for them, as signed targets of the role ``releases``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from tuf.api.metadata import TargetFile as Target

from herdbook.contracts.assignment import TargetFile, plan_target, release_target
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.identifiers import FileName
from herdbook.contracts.release import MAX_FILE_BYTES, RELEASE_NAME, Release
from herdbook.contracts.validation import first_problem
from herdbook.errors import InputError, NotFoundError, TargetMismatchError
from herdbook.fleet.trust.commit import commit
from herdbook.fleet.trust.roles import RELEASES
from herdbook.fleet.trust.store import State, look_up, one_writer, read_state
from herdbook.fleet.trust.targets import put, signed_file
from herdbook.settings import Settings

PUBLISHED_AT = "published_at"
"""Kept with ``release.json``'s signature: from when on a release that nobody runs may be pruned."""
_ENGINE_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_NAME = TypeAdapter(FileName)


def publish_release(settings: Settings, folder: Path) -> None:
    """Sign ``release.json`` of a folder and every file that it names. Publishing the same again changes nothing.

    Raises:
        InputError: the folder is no release, or its id was published with other content: ids are never used again.
        TargetMismatchError: a file is not the one that ``release.json`` names.
        NotInitialisedError: there is no signed repository yet.
        ConfigurationError: the keys are not here.
    """
    release = read_release(folder)
    release_id = release.use.release_id
    with one_writer(settings):
        state = read_state(settings)
        path = release_target(release_id, RELEASE_NAME)
        before = state.releases.signed.targets.get(path)
        if before is not None:
            if before.hashes["sha256"] != sha256_of(folder / RELEASE_NAME):
                raise InputError(
                    f"a release '{release_id}' was published before, with other content",
                    "Release ids are never used again: make the release anew, with an id of its own.",
                )
            return
        names = [file.name for file in release.files]
        new = put(state.folder, {release_target(release_id, name): folder / name for name in (*names, RELEASE_NAME)})
        for file in release.files:  # what was copied counts, not what lies in the folder by now
            copied = new[release_target(release_id, file.name)]
            _require_same(copied, file.bytes, file.sha256)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        new[path].unrecognized_fields["custom"] = {PUBLISHED_AT: now}
        state.releases.signed.targets.update(new)
        commit(settings, state, [RELEASES])


def publish_plans(settings: Settings, release_id: str, engine_key: str, files: Iterable[Path]) -> None:
    """Sign engines that a canary built, for the devices whose `Hardware.engine_key` is the same.

    Raises:
        NotFoundError: the release was not published.
        InputError: a name cannot be used, or was published for these devices with other content.
    """
    sources = {plan_target(release_id, engine_key, _plan_name(file)): file for file in files}
    if not _ENGINE_KEY.fullmatch(engine_key) or ".." in engine_key:
        raise InputError(f"'{engine_key[:60]}' is not a device's engine key")
    with one_writer(settings):
        state = read_state(settings)
        _require_release(state, release_id)
        known = state.releases.signed.targets
        for path, source in sources.items():
            if path in known and known[path].hashes["sha256"] != sha256_of(source):
                raise InputError(
                    f"{path} was published before, with other content",
                    "Devices may be fetching it: give the new engine a name of its own.",
                )
        new = put(state.folder, {path: source for path, source in sources.items() if path not in known})
        if new:
            known.update(new)
            commit(settings, state, [RELEASES])


def release_files(settings: Settings, release_id: str) -> tuple[TargetFile, ...]:
    """The signed files of a release, ``release.json`` too, without engines; by name.

    Raises:
        NotFoundError: it was not published.
    """
    state = look_up(settings)
    _require_release(state, release_id)
    return _below(state, release_target(release_id, ""))


def plans_for(settings: Settings, release_id: str, engine_key: str) -> tuple[TargetFile, ...]:
    """The signed engines of a release for devices with this key; empty where none was built yet."""
    return _below(look_up(settings), plan_target(release_id, engine_key, ""))


def published_releases(state: State) -> dict[str, Target]:
    """``release.json`` of every release, by its id."""
    found = {}
    for path, target in state.releases.signed.targets.items():
        _, release_id, *rest = path.split("/")
        if rest == [RELEASE_NAME]:
            found[release_id] = target
    return found


def read_release(folder: Path) -> Release:
    """``release.json`` of a folder.

    Raises:
        InputError: it is absent or not one.
    """
    try:
        return Release.model_validate_json((folder / RELEASE_NAME).read_bytes())
    except OSError as error:
        raise InputError(f"{folder} holds no {RELEASE_NAME}: {error.strerror}") from error
    except ValidationError as error:
        raise InputError(f"{folder / RELEASE_NAME}, {first_problem(error.errors(), 'the whole')}") from error


def _below(state: State, prefix: str) -> tuple[TargetFile, ...]:
    targets = state.releases.signed.targets
    paths = (path for path in targets if path.startswith(prefix) and "/" not in path[len(prefix) :])
    return tuple(signed_file(targets[path]) for path in sorted(paths))


def _require_release(state: State, release_id: str) -> None:
    if release_target(release_id, RELEASE_NAME) not in state.releases.signed.targets:
        raise NotFoundError(
            f"release '{release_id}' is not in the signed repository", "Publish it with `herdbook fleet release`."
        )


def _require_same(target: Target, length: int, sha256: str) -> None:
    if (target.length, target.hashes["sha256"]) != (length, sha256):
        raise TargetMismatchError(
            f"{target.path} is not the file that its {RELEASE_NAME} names",
            "Make the release again; nothing was published.",
        )


def _plan_name(file: Path) -> str:
    try:
        name = _NAME.validate_python(file.name)
        size = file.stat().st_size
    except (ValidationError, OSError) as error:
        raise InputError(f"{file} cannot be published as an engine: {error}") from error
    if size > MAX_FILE_BYTES:
        raise InputError(f"{file} is larger than {MAX_FILE_BYTES} bytes")
    return name
