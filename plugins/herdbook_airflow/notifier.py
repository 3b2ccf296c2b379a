"""Tell people, through Airflow: who is told, and how, are connections of Airflow's and no settings of ours.

`herdbook_mail` (type *smtp*; extra ``from_email`` and ``to``) and `herdbook_webhook` (type *generic*; the password is a
bearer token, extra ``path``) are used where they exist. What cannot be sent stays due: the next night tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from html import escape
from typing import Any

from airflow.sdk import BaseNotifier, Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from herdbook.overview.book import Message, open_book
from herdbook.settings import get_settings
from herdbook_airflow.nights import last_day

MAIL, WEBHOOK = "herdbook_mail", "herdbook_webhook"
TIMEOUT_S = 30.0
_Send = Callable[[Connection, Message], None]


class TellPeople(BaseNotifier):
    """Tell what is due, each cause at most once a night, and when it has ended.

    As ``on_failure_callback`` the task is the cause: all instances of a mapped task are one. As
    ``on_success_callback`` it ends that, and tells what the task itself entered into the book.

    Args:
        failed: whether the task failed.
    """

    def __init__(self, *, failed: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.failed = failed

    def notify(self, context: Any) -> None:
        """Called once a task has ended for good. Whatever goes wrong is logged, and is no fault of the task."""
        ti, task = context["task_instance"], context.get("task")
        cause = f"failed: {ti.dag_id}.{ti.task_id}"
        subject = getattr(task, "subject", None) or {}
        about = str(subject.get("device_id") or ti.task_id)
        settings = get_settings()
        if not self.failed and not (settings.home / "worries.json").is_file():
            return
        night = date.fromisoformat(last_day(context["dag_run"], context.get("params") or {}))
        with open_book(settings) as book:
            if self.failed:
                book.begin(night, cause, about, str(context.get("exception") or context.get("reason") or "no message"))
            elif book.knows(cause, about):
                book.end(cause, about)
            ways = list(_ways())
            for message in book.due(night) if ways else ():
                sent = [self._sent(send, connection, message) for connection, send in ways]
                if any(sent):
                    book.told(message)

    def _sent(self, send: _Send, connection: Connection, message: Message) -> bool:
        try:
            send(connection, message)
        except Exception as error:  # a mail server's trouble must not become the night's
            # Its text may hold what was sent along: only what kind of error it is.
            self.log.warning(
                "Nobody was told through %s of '%s': %s", connection.conn_id, message.cause, type(error).__name__
            )
            return False
        self.log.info("Told through %s: %s", connection.conn_id, message.title)
        return True


def _ways() -> Iterator[tuple[Connection, _Send]]:
    ways: Mapping[str, _Send] = {MAIL: _mail, WEBHOOK: _post}
    for name, send in ways.items():
        try:
            yield Connection.get(name), send
        except AirflowNotFoundException:
            continue


def _mail(connection: Connection, message: Message) -> None:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    with SmtpHook(smtp_conn_id=connection.conn_id) as smtp:
        smtp.send_email_smtp(
            to=connection.extra_dejson["to"], subject=message.title, html_content=f"<pre>{escape(message.text)}</pre>"
        )


def _post(connection: Connection, message: Message) -> None:
    import httpx

    port = f":{connection.port}" if connection.port else ""
    url = f"{connection.schema or 'https'}://{connection.host}{port}{connection.extra_dejson.get('path', '/')}"
    headers = {"Authorization": f"Bearer {connection.password}"} if connection.password else {}
    told = {"text": f"{message.title}\n{message.text}", "cause": message.cause, "night": message.night.isoformat()}
    lists = {"begun": dict(message.begun), "going_on": dict(message.going_on), "ended": dict(message.ended)}
    httpx.post(url, json=told | lists, headers=headers, timeout=TIMEOUT_S).raise_for_status()
