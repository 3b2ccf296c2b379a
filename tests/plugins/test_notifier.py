"""People are told of each cause at most once a night, and when it has ended; by mail and by webhook."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from herdbook.overview.book import open_book
from herdbook.settings import get_settings
from support.sinks import Sink, mailbox, text_of, webhook

Tell = Callable[..., None]
CAUSE = "failed: nightly_ingest.ingest_device"


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """A webhook that Airflow has a connection to."""
    with webhook() as sink:
        told = {"conn_type": "http", "schema": "http", "host": "127.0.0.1", "port": sink.port, "password": "hush"}
        monkeypatch.setenv("AIRFLOW_CONN_HERDBOOK_WEBHOOK", json.dumps(told | {"extra": {"path": "/barn"}}))
        yield sink


@pytest.fixture
def tell(home: Path) -> Tell:
    """A task has ended."""
    from herdbook_airflow.notifier import TellPeople

    def ended(night: int, device: str = "barn-a-1", *, error: str | None = None) -> None:
        started = datetime(2026, 3, night, 1, tzinfo=UTC)
        context: dict[str, Any] = {
            "task_instance": SimpleNamespace(dag_id="nightly_ingest", task_id="ingest_device"),
            "task": SimpleNamespace(subject={"device_id": device}),
            "dag_run": SimpleNamespace(data_interval_start=started, run_after=started),
            "params": {},
            "exception": error,
        }
        TellPeople(failed=error is not None).notify(context)

    return ended


def test_a_cause_is_told_once_a_night_and_when_it_has_ended(hook: Sink, tell: Tell) -> None:
    tell(2)
    assert hook.told == [], "all is well"
    tell(2, error="exit code 21. 'barn-a-1' does not answer")
    tell(2, error="again")
    tell(2, "barn-a-2", error="exit code 21")
    (message,) = hook.told
    assert (message["cause"], message["night"]) == (CAUSE, "2026-03-02")
    assert message["begun"] == {"barn-a-1": "exit code 21. 'barn-a-1' does not answer"}
    assert hook.headers[0]["Authorization"] == "Bearer hush"
    assert hook.headers[0]["path"] == "/barn"
    tell(3, error="still off")
    assert hook.told[1]["begun"] == {"barn-a-2": "exit code 21"}, "what the night before had no word left for"
    assert hook.told[1]["going_on"] == {"barn-a-1": "still off"}
    tell(4)
    assert hook.told[2]["ended"] == {"barn-a-1": "2026-03-02"}
    assert "ended: barn-a-1 (since the night of 2026-03-02)" in hook.told[2]["text"]
    tell(4)
    assert len(hook.told) == 3


def test_a_mail_says_the_same_and_escapes_it(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    with mailbox() as box:
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "herd@farm.example", "to": "anna@farm.example"}
        told = {"conn_type": "smtp", "host": "127.0.0.1", "port": box.port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_HERDBOOK_MAIL", json.dumps(told))
        tell(2, error="<b>off</b>")
    (mail,) = box.told
    assert (mail["To"], mail["From"]) == ("anna@farm.example", "herd@farm.example")
    assert mail["Subject"] == f"Herdbook 2026-03-02: {CAUSE}: 1 new"
    assert "barn-a-1: &lt;b&gt;off&lt;/b&gt;" in text_of(mail)


def test_what_could_not_be_sent_is_told_later(hook: Sink, tell: Tell) -> None:
    hook.works = False
    tell(2, error="off")
    hook.works = True
    tell(3, error="still off")
    assert [message["begun"] for message in hook.told] == [{"barn-a-1": "still off"}]


def test_without_a_connection_nothing_fails(tell: Tell) -> None:
    tell(2, error="off")
    tell(3)


def test_causes_of_a_night_begin_go_on_and_end(home: Path) -> None:
    first, second = date(2026, 3, 2), date(2026, 3, 3)
    with open_book(get_settings()) as book:
        book.settle(first, "disk", {"/data": "4 GB free"})
        book.settle(first, "drift", {})
        (message,) = book.due(first)
        book.told(message)
        book.settle(first, "disk", {})
        assert book.due(first) == [], "it was told of tonight"
    with open_book(get_settings()) as book:
        (message,) = book.due(second)
        assert (message.title, dict(message.ended)) == ("Herdbook 2026-03-03: disk: 1 ended", {"/data": "2026-03-02"})
        book.settle(second, "disk", {"/data": "3 GB free"})
        assert book.due(second) == [], "it began again before anybody was told that it had ended"
