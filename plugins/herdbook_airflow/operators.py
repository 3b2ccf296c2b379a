"""The one operator: run a ``herdbook`` command in a process of its own, never inside Airflow's worker."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout

from herdbook_airflow.alerts import record_alert
from herdbook_airflow.command import Command
from herdbook_airflow.steps import count, line


def spreadable(subjects: list[dict[str, str]]) -> list[dict[str, str]]:
    """Subjects of a mapped task, if Airflow lets one run have so many.

    Raises:
        AirflowFailException: it does not; nothing was begun.
    """
    most = conf.getint("core", "max_map_length")
    if len(subjects) > most:
        raise AirflowFailException(
            f"{len(subjects)} tasks are more than the {most} that core.max_map_length lets a run have: raise it, or "
            "run this for fewer devices or days at a time."
        )
    return subjects


def option(name: str) -> str:
    """Template of an option of a command that a DAG's parameter of the same name gives: a value, a list, or none."""
    given = f"params['{name}']"
    values = f"([] if {given} is none else [{given}] if {given} is string or {given} is number else {given})"
    return f"{{% for value in {values} %}}--{name.replace('_', '-')}={{{{ value }}}}\n{{% endfor %}}"


class HerdbookOperator(BaseOperator):
    """Run ``herdbook ARGUMENTS… --json``; log what it says, return references to what it did.

    Args:
        arguments: of the command, templated; ``task.subject`` is at hand.
        options: further arguments, templated, each of which renders to none or several: a line is one (`option`).
        subject: what the command is about, for example ``{"device_id": …}``; part of the returned value.
        keep: columns of the command's JSON rows that are returned (XCom carries references only).
        tolerate: exit codes beside 0 that count as success but leave an alert.

    Raises:
        AirflowException: the command failed in a way that may pass by itself, so a retry is due.
        AirflowFailException: it failed in a way that a retry cannot cure, or took longer than ``execution_timeout``:
            then the next run goes on where it stopped.
    """

    template_fields: Sequence[str] = ("subject", "arguments", "options")  # the subject first: the others speak of it
    ui_color = "#dfeadf"

    def __init__(
        self,
        *,
        arguments: Sequence[str],
        options: Sequence[str] = (),
        subject: Mapping[str, Any] | None = None,
        keep: Collection[str] = (),
        tolerate: Collection[int] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.arguments = list(arguments)
        self.options = list(options)
        self.subject = subject
        self.keep = tuple(keep)
        self.tolerate = tuple(tolerate)
        self._command: Command | None = None

    def execute(self, context: Any) -> dict[str, Any]:
        """Run the command to its end."""
        arguments = [*self.arguments, *(line for option in self.options for line in option.splitlines() if line)]
        self._command = Command(arguments)
        self.log.info("Running %s", self._command.line)
        said = f"herdbook {' '.join(arguments)}"
        began = time.monotonic()
        try:
            outcome = self._command.run(lambda line: self.log.info("%s", line))
        except AirflowTaskTimeout as error:
            raise AirflowFailException(
                f"{said}: not done within {self.execution_timeout}; it goes on next time"
            ) from error
        seconds = time.monotonic() - began
        self.log.info("%s", line(arguments, self.subject or {}, outcome, seconds))
        count(arguments, outcome, seconds)
        message = f"{said}: {outcome}"
        if outcome.code in self.tolerate:
            record_alert({**context, "exception": message})
        elif outcome.code != 0:
            raise (AirflowException if outcome.may_pass else AirflowFailException)(message)
        return {**(self.subject or {}), "rows": [{k: row[k] for k in self.keep if k in row} for row in outcome.rows]}

    def on_kill(self) -> None:
        """End the command when its task is ended."""
        if self._command is not None:
            self._command.kill()
