"""Promotion and demotion: a decision is written down first, then the alias follows it.

The ledger's row is the decision. A process that dies before the alias has moved leaves a decision that is not carried
out; the next promotion or demotion carries it out before anything else. So the same command can be given again: it
finishes what it began and decides nothing twice.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from herdbook.contracts.camera import Contract
from herdbook.contracts.durable import make_folder
from herdbook.errors import PromotionRefusedError, RegistryError
from herdbook.learning.registry.gates import Verdict
from herdbook.learning.registry.models import CHAMPION, find, move_champion, require
from herdbook.ledger.models import Promotion, PromotionAction
from herdbook.ledger.promotions import history, reign
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings


class Outcome(Contract):
    """What became of a promotion or demotion."""

    model: str
    action: PromotionAction
    from_version: int | None
    to_version: int | None
    """Champion now; null where there is none."""
    state: Literal["done", "completed", "unchanged"]
    """``completed``: an earlier decision was carried out. ``unchanged``: it was so already."""


def promote(
    settings: Settings, model: str, number: int, *, verdict: Verdict, evidence_sha256: str, by: str, reason: str = ""
) -> Outcome:
    """Make a version the champion.

    Args:
        settings: where ledger and registry are.
        model: its name.
        number: of the version.
        verdict: of the gates.
        evidence_sha256: digest of the challenger's evaluation.
        by: person or process that decides.
        reason: for people.

    Raises:
        PromotionRefusedError: the verdict is not that it passed.
        NotFoundError: there is no such version.
        RegistryError: the registry cannot be used, or its alias was moved by somebody else.
    """
    verdict.require_passed()
    assert verdict.model == model, "the verdict is of another model"
    require(settings, model, number)
    with _one_at_a_time(settings):
        settled = _settle(settings, model)
        if settled is not None and (settled.action, settled.to_version) == (PromotionAction.PROMOTE, number):
            return settled
        champion = _champion(settings, model)
        if champion == number:
            return _outcome(model, PromotionAction.PROMOTE, number, number, "unchanged")
        decision = Promotion(
            action=PromotionAction.PROMOTE,
            to_version=number,
            decided_by=by,
            reason=reason or None,
            evidence_sha256=evidence_sha256,
            verdict=verdict.model_dump_json(),
        )
        return _decide(settings, model, decision)


def demote(settings: Settings, model: str, *, by: str, reason: str = "") -> Outcome:
    """Go back to the champion before, or to none where there was none.

    Raises:
        PromotionRefusedError: there is no champion.
        RegistryError: the registry cannot be used, or its alias was moved by somebody else.
    """
    with _one_at_a_time(settings):
        settled = _settle(settings, model)
        if settled is not None and settled.action is PromotionAction.DEMOTE:
            return settled
        with ledger_session(settings) as session:
            versions = reign(history(session, model))
        if not versions:
            raise PromotionRefusedError(f"{model} has no champion to demote", "Promote a version first.")
        before = versions[-2] if len(versions) > 1 else None
        if before is not None:
            require(settings, model, before)
        decision = Promotion(action=PromotionAction.DEMOTE, to_version=before, decided_by=by, reason=reason or None)
        return _decide(settings, model, decision)


def settle(settings: Settings, model: str) -> Outcome | None:
    """Carry out a decision whose process died before the alias moved; none where there is nothing to do."""
    with _one_at_a_time(settings):
        return _settle(settings, model)


def already(settings: Settings, model: str, which: int | str) -> Outcome | None:
    """Carry out what is pending; what came of it where the version is champion then, and need not be judged.

    Raises:
        NotFoundError: there is no such version.
    """
    settled = settle(settings, model)
    number = require(settings, model, which).number
    if _champion(settings, model) != number:
        return None
    if settled is not None and settled.to_version == number:
        return settled
    return _outcome(model, PromotionAction.PROMOTE, number, number, "unchanged")


def _decide(settings: Settings, model: str, decision: Promotion) -> Outcome:
    with ledger_session(settings) as session:
        before = history(session, model)
        versions = reign(before)
        decision.model, decision.number = model, len(before) + 1
        decision.from_version = versions[-1] if versions else None
        session.add(decision)  # two at once from two machines: the key refuses one
    move_champion(settings, model, decision.to_version)
    return _outcome(model, decision.action, decision.from_version, decision.to_version, "done")


def _settle(settings: Settings, model: str) -> Outcome | None:
    """Compare the alias with the last decision; move it where the decision was not carried out."""
    with ledger_session(settings) as session:
        decisions = history(session, model)
    alias = _champion(settings, model)
    last = decisions[-1] if decisions else None
    wanted = last.to_version if last else None
    if alias == wanted:
        return None
    if last is None or alias != last.from_version:
        raise RegistryError(
            f"{model}: the registry's champion is {alias or 'none'}, the ledger's is {wanted or 'none'}",
            f"Somebody moved the alias by hand. Point 'champion' of {model} in MLflow to "
            f"{wanted or 'nothing'}, then run the command again.",
        )
    move_champion(settings, model, wanted)
    return _outcome(model, last.action, last.from_version, wanted, "completed")


def _champion(settings: Settings, model: str) -> int | None:
    found = find(settings, model, CHAMPION)
    return None if found is None else found.number


def _outcome(
    model: str,
    action: PromotionAction,
    before: int | None,
    after: int | None,
    state: Literal["done", "completed", "unchanged"],
) -> Outcome:
    return Outcome(model=model, action=action, from_version=before, to_version=after, state=state)


@contextmanager
def _one_at_a_time(settings: Settings) -> Iterator[None]:
    make_folder(settings.registry)
    with (settings.registry / ".promotion.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
