"""Decisions about champions are kept as they were made."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from test_ledger_migrate import postgres_url

from herdbook.errors import StorageError
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import Promotion, PromotionAction
from herdbook.ledger.promotions import history, reign
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings


def decision(number: int, to: int | None, *, demote: bool = False) -> Promotion:
    action = PromotionAction.DEMOTE if demote else PromotionAction.PROMOTE
    return Promotion(model="herdbook-compact", number=number, action=action, to_version=to, decided_by="test")


def no_change_is_allowed(settings: Settings) -> None:
    with ledger_session(settings) as session:
        session.add(decision(1, 3))
    for change in ("UPDATE promotion SET to_version = 4", "DELETE FROM promotion"):
        with pytest.raises((DatabaseError, StorageError), match="never changed"), ledger_session(settings) as session:
            session.execute(text(change))
    with ledger_session(settings) as session:
        assert [row.to_version for row in history(session, "herdbook-compact")] == [3]


def test_a_decision_is_never_changed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    upgrade(settings)
    no_change_is_allowed(settings)


def test_a_decision_is_never_changed_on_postgresql(postgres_dsn: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, ledger_url=postgres_url(postgres_dsn))
    upgrade(settings)
    no_change_is_allowed(settings)


def test_two_decisions_at_once_cannot_both_be_the_next(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    upgrade(settings)
    with ledger_session(settings) as session:
        session.add(decision(1, 3))
    with pytest.raises(DatabaseError), ledger_session(settings) as session:
        session.add(decision(1, 4))


def test_demotion_goes_back_step_by_step() -> None:
    decisions = [decision(1, 1), decision(2, 2), decision(3, 3)]
    assert reign(decisions) == [1, 2, 3]
    decisions += [decision(4, 2, demote=True), decision(5, 1, demote=True)]
    assert reign(decisions) == [1]
    assert reign([*decisions, decision(6, 3), decision(7, 1, demote=True), decision(8, None, demote=True)]) == []
