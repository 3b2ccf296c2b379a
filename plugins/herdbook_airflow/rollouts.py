"""A rollout from Airflow: an operator that begins it and lets go of its worker, a trigger that carries it on.

Where a rollout stands lies in the ledger. The trigger holds nothing but its number: a triggerer that starts anew, or a
second one, goes on where the ledger says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from herdbook.errors import NotFoundError, RolloutConflictError
from herdbook.settings import get_settings
from herdbook_airflow.command import Command

DONE = "done"
_FOR_GOOD = (NotFoundError.exit_code, RolloutConflictError.exit_code)


class RolloutTrigger(BaseTrigger):
    """Carry a rollout on, step by step, until nothing is left to be done; its event is the last step's row.

    A step is ``herdbook fleet step`` in a process of its own: it neither holds up the event loop nor shares the
    triggerer's memory. A step that fails is tried again with the next, unless the rollout is gone or was followed by
    another: keys may be mounted, a database come back, and until then devices keep what they have.

    Args:
        rollout: its number.
        every_s: seconds between steps.
    """

    def __init__(self, rollout: int, every_s: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.rollout = rollout
        self.every_s = every_s
        self._command: Command | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Where it is, and what it is made with."""
        return f"{type(self).__module__}.{type(self).__name__}", {"rollout": self.rollout, "every_s": self.every_s}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Steps, with pauses."""
        said = None
        while True:
            self._command = Command(["fleet", "step", str(self.rollout)])
            outcome = await asyncio.to_thread(self._command.run, lambda line: self.log.info("%s", line))
            if outcome.code == 0:
                (row,) = outcome.rows
                if (row["phase"], row["wave"], row["devices"]) != said:
                    said = (row["phase"], row["wave"], row["devices"])
                    self.log.info("Rollout %s is %s, wave %s: %s", self.rollout, *said)
                if row["settled"]:
                    yield _event(row)
                    return
            elif outcome.code in _FOR_GOOD:
                yield _event({"rollout": self.rollout, "phase": "unknown", "reason": str(outcome)})
                return
            else:
                self.log.warning("Rollout %s: %s; trying again", self.rollout, outcome)
            await asyncio.sleep(self.every_s)

    async def cleanup(self) -> None:
        """End a step that is under way: every step bears that."""
        if self._command is not None:
            self._command.kill()


def _event(row: dict[str, Any]) -> TriggerEvent:
    return TriggerEvent(row)  # type: ignore[no-untyped-call]  # Airflow's


class RolloutOperator(BaseOperator):
    """Roll a release out: begin, let go of the worker, and come back when it is over.

    The run's id is the rollout's key: a retry goes on with the same one.

    Args:
        release: id of a signed release, templated.
        options: further arguments of ``herdbook fleet rollout``, templated, a line each (`option`).
        every_s: seconds between steps.

    Raises:
        AirflowException: it cannot begin now; a retry is due.
        AirflowFailException: it cannot begin, a gate stopped it, or a person aborted it.
    """

    template_fields: Sequence[str] = ("release", "options")
    ui_color = "#dfe6ef"

    def __init__(self, *, release: str, options: Sequence[str] = (), every_s: float = 60.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.release = release
        self.options = list(options)
        self.every_s = every_s

    def execute(self, context: Any) -> None:
        """Begin it."""
        run = context["dag_run"]
        arguments = [*("fleet", "rollout", self.release), f"--key={run.dag_id} {run.run_id}", "--by=airflow"]
        arguments += [line for option in self.options for line in option.splitlines() if line]
        outcome = Command(arguments).run(lambda line: self.log.info("%s", line))
        if outcome.code != 0:
            message = f"herdbook {' '.join(arguments)}: {outcome}"
            raise (AirflowException if outcome.may_pass else AirflowFailException)(message)
        (row,) = outcome.rows
        trigger = RolloutTrigger(rollout=row["rollout"], every_s=self.every_s)
        self.defer(trigger=trigger, method_name="ended")

    def ended(self, context: Any, event: dict[str, Any]) -> dict[str, Any]:
        """What became of it: number, release, devices by phase."""
        if event["phase"] != DONE:
            raise AirflowFailException(f"Rollout {event['rollout']} is {event['phase']}: {event['reason']}")
        return {name: event[name] for name in ("rollout", "release", "phase", "devices")}


def step_s() -> float:
    """Seconds between a rollout's steps (``HERDBOOK_ROLLOUT_STEP_S``)."""
    return get_settings().rollout_step_s
