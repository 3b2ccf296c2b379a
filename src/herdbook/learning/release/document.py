"""``release.json``: written last, from files that lie there, named by what it says."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from herdbook.contracts.device_day import ReleaseUse
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import fsync_path, make_folder, replace_durably, write_durably
from herdbook.contracts.release import RELEASE_NAME, File, Provenance, Recipe, Release
from herdbook.errors import FileFormatError
from herdbook.learning.release.made import Made

ALERTS_NAME = "alerts.json"
_DIGITS = 12


def describe(
    folder: Path,
    use: ReleaseUse,
    made: Made,
    *,
    recipes: Sequence[Recipe],
    provenance: Provenance,
    lab: bool = False,
    alerts: bytes | None = None,
) -> Release:
    """The document of a folder's files.

    The release is named by its engine, the version and what the document says: ``compact-3-5f0c…``, and
    ``compact-3-lab-…`` where the version was never champion. Equal files, recipes and provenance give equal names.

    Args:
        folder: with every file of the release.
        use: embedding space and ethogram; its release id is replaced.
        made: networks, fixtures and what is known of them.
        recipes: of the kinds of devices.
        provenance: where it comes from.
        lab: whether the version was never champion.
        alerts: the rules that devices evaluate by themselves.
    """
    if alerts is not None:
        write_durably(folder / ALERTS_NAME, alerts)
    files = tuple(
        File(name=path.name, bytes=path.stat().st_size, sha256=sha256_of(path))
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != RELEASE_NAME
    )
    unnamed = Release(
        use=use.model_copy(update={"release_id": "unnamed"}),
        files=files,
        networks=tuple(made.networks),
        recipes=tuple(recipes),
        fixtures=tuple(made.fixtures),
        accuracy=tuple(made.accuracy),
        alerts=None if alerts is None else ALERTS_NAME,
        calibration=made.calibration,
        lab=lab,
        provenance=provenance,
    )
    content = hashlib.sha256(_json(unnamed)).hexdigest()[:_DIGITS]
    name = "-".join((use.engine, str(provenance.version), *(("lab",) if lab else ()), content))
    return unnamed.model_copy(update={"use": use.model_copy(update={"release_id": name})})


def write_release(part: Path, release: Release, place: Path) -> Path:
    """Put a finished folder in its place, durably, with its document. One of the same name is the same to the byte and
    stays.

    Args:
        part: with the release's files, on the file system of `place`.
        release: its document.
        place: folder of all releases.

    Raises:
        DiskFullError: no space is left.
    """
    target = make_folder(place) / release.use.release_id
    write_durably(part / RELEASE_NAME, _json(release))
    if (target / RELEASE_NAME).is_file() and (target / RELEASE_NAME).read_bytes() == _json(release):
        shutil.rmtree(part)
        return target
    for path in part.iterdir():
        fsync_path(path)
    shutil.rmtree(target, ignore_errors=True)
    replace_durably(part, target)
    return target


def read_release(folder: Path) -> Release:
    """The document of a release's folder, every file checked.

    Raises:
        FileFormatError: a file is absent or not what the document says.
    """
    try:
        release = Release.model_validate_json((folder / RELEASE_NAME).read_bytes())
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{folder} holds no release", "Make it with `herdbook fleet release`.") from error
    for file in release.files:
        path = folder / file.name
        if not path.is_file() or path.stat().st_size != file.bytes or sha256_of(path) != file.sha256:
            raise FileFormatError(f"{path} is not what its release says", "Make the release again.")
    return release


def _json(release: Release) -> bytes:
    """Keys in order: equal documents give equal bytes."""
    return (json.dumps(release.model_dump(mode="json"), indent=1, sort_keys=True) + "\n").encode()
