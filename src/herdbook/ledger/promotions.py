"""The history of champions."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from herdbook.ledger.models import Promotion, PromotionAction


def history(session: Session, model: str) -> list[Promotion]:
    """A model's decisions, first to last."""
    query = select(Promotion).where(Promotion.model == model).order_by(Promotion.number)
    return list(session.scalars(query))


def reign(decisions: Sequence[Promotion]) -> list[int]:
    """Champions one upon the other: the last is the present one, demotion takes it away. Empty where there is none."""
    versions: list[int] = []
    for decision in decisions:
        if decision.action is PromotionAction.DEMOTE:
            versions.pop()
        elif decision.to_version is not None:
            versions.append(decision.to_version)
    return versions
