"""The alert rules that a release carries."""

from __future__ import annotations

from pathlib import Path

from herdbook.contracts.alerts import default_rules, parse_rules
from herdbook.errors import NotFoundError


def alert_rules(ethogram_id: str, own: Path | None) -> bytes | None:
    """The rules as the bytes of a release's file; none where none are known for its ethogram.

    Args:
        ethogram_id: of the release.
        own: a file of rules; the shipped ones if none.

    Raises:
        NotFoundError: the file that is named is not there.
        AlertRulesError: it holds no valid rules.
    """
    if own is None:
        try:
            return default_rules(ethogram_id)
        except NotFoundError:
            return None
    if not own.is_file():
        raise NotFoundError(f"there is no {own}", "Name a file of alert rules.")
    return parse_rules(own.read_bytes()).to_bytes()
