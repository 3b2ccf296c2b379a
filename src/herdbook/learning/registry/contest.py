"""A challenger against the champion, or the first one against the baseline: the right evaluations, then the gates."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from herdbook.contracts.digest import sha256_of
from herdbook.errors import InputError
from herdbook.learning.evaluation.report import Comparison, read_report
from herdbook.learning.registry.evidence import evaluation_for, evaluation_of
from herdbook.learning.registry.gates import Gates, Verdict, judge
from herdbook.learning.registry.models import CHAMPION, Version, find, require
from herdbook.settings import Settings


@dataclass(frozen=True)
class Contest:
    """What was held against what, and how it ended."""

    version: Version
    champion: Version | None
    verdict: Verdict
    comparison: Comparison
    evidence_sha256: str
    """Digest of the challenger's evaluation."""


def hold(
    settings: Settings,
    model: str,
    which: int | str,
    gates: Gates,
    *,
    report: Path | None = None,
    against: Path | None = None,
) -> Contest:
    """Judge a version of a model; nothing is changed.

    Args:
        settings: where the registry is.
        model: its name.
        which: number or alias of the challenger.
        gates: what it takes.
        report: the challenger's evaluation; the one kept with the version if not given.
        against: the champion's, likewise; the baseline's where there is no champion.

    Raises:
        NotFoundError: there is no such version, or an evaluation is missing.
        InputError: an evaluation is of another model, or the two are not of the same sequences.
        RegistryError: the registry cannot be used.
    """
    version = require(settings, model, which)
    champion = find(settings, model, CHAMPION)
    with tempfile.TemporaryDirectory() as folder:
        mine = report or evaluation_of(settings, version, Path(folder))
        challenger = evaluation_for(mine, version)
        evidence = sha256_of(mine)
        if against is None and champion is None:
            raise InputError(
                f"{model} has no champion to be compared with",
                f"Evaluate the engine '{gates.first.engine}' on the same sequences and name it with --against.",
            )
        if champion is None:
            assert against is not None
            other = read_report(against)
        else:
            other = evaluation_for(against or evaluation_of(settings, champion, Path(folder)), champion)
    verdict, comparison = judge(challenger, other, gates, model=model, first=champion is None, dirty=version.dirty)
    return Contest(version, champion, verdict, comparison, evidence)
