"""Which of our animals a farm means: tags are lost and issued again, so the moment decides."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Protocol

import duckdb

from herdbook.labels.cells import RowProblem
from herdbook.labels.mapping import OWN_SCHEME
from herdbook.roster.rows import ANIMALS, IDENTIFIERS
from herdbook.roster.versions import current_rows

_FOREVER = datetime.max.replace(tzinfo=UTC)


class Mention(Protocol):
    """An animal as a farm names it, at some time."""

    @property
    def scheme(self) -> str:
        """The roster's scheme of the identifier."""

    @property
    def identifier(self) -> str:
        """The tag."""

    @property
    def occurred_from(self) -> datetime:
        """The earliest moment that is meant,"""

    @property
    def occurred_by(self) -> datetime:
        """and the latest."""


class Animals:
    """The animals of one farm and their identifiers, as the roster knows them now."""

    def __init__(self, lake: duckdb.DuckDBPyConnection, farm: str) -> None:
        self.born_on: dict[str, date | None] = {
            row["animal_id"]: row["born_on"] for row in current_rows(lake, ANIMALS).values() if row["farm_id"] == farm
        }
        self._bearers: dict[tuple[str, str], list[tuple[datetime, datetime, str]]] = defaultdict(list)
        for row in current_rows(lake, IDENTIFIERS).values():
            if row["farm_id"] == farm:
                self._bearers[row["scheme"], row["identifier"]].append(
                    (row["valid_from"], row["valid_to"] or _FOREVER, row["animal_id"])
                )

    def meant_by(self, fact: Mention) -> str:
        """The animal that bore the identifier when the fact was seen.

        Raises:
            RowProblem: no animal did, or several.
        """
        if fact.scheme == OWN_SCHEME:
            if fact.identifier not in self.born_on:
                raise RowProblem(f"unknown animal: the farm's roster has no '{fact.identifier}'")
            return fact.identifier
        bearers = self._bearers.get((fact.scheme, fact.identifier), [])
        if not bearers:
            raise RowProblem(f"unknown animal: no {fact.scheme} '{fact.identifier}' was ever issued on the farm")
        then = {
            a for valid_from, valid_to, a in bearers if valid_from <= fact.occurred_by and fact.occurred_from < valid_to
        }
        if not then:
            raise RowProblem(f"unknown animal: nobody bore {fact.scheme} '{fact.identifier}' at {fact.occurred_by:%F}")
        if len(then) > 1:
            raise RowProblem(
                f"ambiguous tag: {', '.join(sorted(then))} bore {fact.scheme} '{fact.identifier}' on that day"
            )
        return then.pop()
