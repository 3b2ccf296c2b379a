"""``herdbook promote`` and ``demote``: which version of a model is champion."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows

if TYPE_CHECKING:
    from herdbook.learning.registry.contest import Contest
    from herdbook.learning.registry.gates import Check
    from herdbook.learning.registry.promotion import Outcome

Model = Annotated[str, typer.Argument(help="herdbook-compact or herdbook-sam3.")]
By = Annotated[str | None, typer.Option(help="Who decides; your user name if not given.", show_default=False)]
Reason = Annotated[str, typer.Option(help="Why, for the ledger.")]


def promote(
    model: Model,
    *,
    version: Annotated[
        int | None, typer.Option(help="Number of the version; the challenger if not given.", show_default=False)
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="The version's evaluation; the one kept with it if not given.", show_default=False),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help="The champion's evaluation; the one kept with it if not given. For the first champion: motion's.",
            show_default=False,
        ),
    ] = None,
    gates: Annotated[
        Path | None, typer.Option(help="Gates of your own; the shipped ones if not given.", show_default=False)
    ] = None,
    by: By = None,
    reason: Reason = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge only; change nothing.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a version the champion, if it passes every gate.

    The challenger is held against the champion on the same sequences: the lower end of each paired difference must
    clear its margin, overall and in every slice with enough sequences; memory, latency and size must keep to the
    budgets; and it must have been made from committed code. The decision is written to the ledger before the alias
    moves; interrupted, the same command finishes it.
    """
    from herdbook.learning.registry.contest import hold
    from herdbook.learning.registry.gates import load_gates
    from herdbook.learning.registry.models import CHALLENGER
    from herdbook.learning.registry.promotion import already
    from herdbook.learning.registry.promotion import promote as decide
    from herdbook.settings import get_settings

    settings, which = get_settings(), version or CHALLENGER
    done = None if dry_run else already(settings, model, which)
    if done is not None:
        _print(done, as_json=as_json)
        return
    contest = hold(settings, model, which, load_gates(gates), report=report, against=against)
    outcome = None
    if not dry_run and contest.verdict.passed:
        outcome = decide(
            settings,
            model,
            contest.version.number,
            verdict=contest.verdict,
            evidence_sha256=contest.evidence_sha256,
            by=by or getpass.getuser(),
            reason=reason,
        )
    _show(contest, outcome, as_json=as_json)
    contest.verdict.require_passed()


def demote(
    model: Model,
    *,
    by: By = None,
    reason: Reason = "",
    as_json: JsonFlag = False,
) -> None:
    """Go back to the champion before, at once and without a judgement."""
    from herdbook.learning.registry.promotion import demote as decide
    from herdbook.settings import get_settings

    outcome = decide(get_settings(), model, by=by or getpass.getuser(), reason=reason)
    _print(outcome, as_json=as_json)


def _show(contest: Contest, outcome: Outcome | None, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "model": contest.version.model,
                "version": contest.version.number,
                "champion": contest.champion.number if contest.champion else None,
                "evidence_sha256": contest.evidence_sha256,
                "verdict": contest.verdict.model_dump(mode="json"),
                "comparison": contest.comparison.model_dump(mode="json"),
                "outcome": outcome.model_dump(mode="json") if outcome else None,
            }
        )
        return
    title = f"{contest.version.model} version {contest.version.number}"
    print_rows([check_row(check) for check in contest.verdict.checks], as_json=False, title=title)
    if outcome is not None:
        _print(outcome, as_json=False)
    elif contest.verdict.passed:
        console.print("Every gate is passed; nothing was changed.")


def check_row(check: Check) -> dict[str, str | None]:
    """A gate and what it found, as a row for people."""
    said = "passed" if check.passed else "FAILED"
    return {
        "gate": check.gate,
        "what": check.what,
        "where": check.where,
        "sequences": None if check.sequences is None else str(check.sequences),
        "value": _number(check.value),
        "bound": _number(check.bound),
        "limit": _number(check.limit),
        "verdict": said if check.counts else "reported",
        "note": check.note,
    }


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}" if abs(value) < 1000 else f"{value:,.0f}"


def _print(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        print_json(outcome.model_dump(mode="json"))
        return
    before, after = outcome.from_version or "none", outcome.to_version or "none"
    console.print(f"Champion of {outcome.model}: {before} → {after} ({outcome.state}).")
