"""Which rules hold on a device: those of its release, or the ones shipped for its ethogram."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from herdbook.contracts.alerts import MAX_RULES_BYTES, AlertRules, default_rules, parse_rules
from herdbook.contracts.release import RELEASE_NAME, Release
from herdbook.edge.config import DeviceConfig
from herdbook.errors import ReleaseDataError


def rules_of(config: DeviceConfig) -> AlertRules:
    """The rules of the device's release.

    Raises:
        ReleaseDataError: the release names rules that are not there or not valid, or rules for other animals.
        NotFoundError: neither the release nor this software has rules for its ethogram.
    """
    path = None if config.network is None else _named(config.network)
    rules = parse_rules(default_rules(config.release.ethogram_id) if path is None else _read(path))
    if rules.ethogram_id != config.release.ethogram_id:
        raise ReleaseDataError(
            f"the release's alert rules are for '{rules.ethogram_id}', it reports '{config.release.ethogram_id}'"
        )
    return rules


def _named(folder: Path) -> Path | None:
    """The rules' file that a release's folder names, if it is a signed release's and names one."""
    try:
        release = Release.model_validate_json((folder / RELEASE_NAME).read_bytes())
    except OSError:
        return None
    except ValidationError as error:
        raise ReleaseDataError(f"{folder / RELEASE_NAME} is not a release's document") from error
    return None if release.alerts is None else folder / release.alerts


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_RULES_BYTES + 1)
    except OSError as error:
        raise ReleaseDataError(f"{path} cannot be read: {error.strerror}") from error
