"""The folders under ``sql/``: one per table, view or macro of the lake, with its definition, metadata and checks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import herdbook

PEOPLE = "herd"
"""The group whose objects live in the schema ``main``: what people query without a prefix."""
KNOWN = "known"
"""The schema of the same views as of an instant, `known_as_of()`: what was known then."""


class Kind(StrEnum):
    """What a folder defines; its definition is the file ``<kind>.sql``."""

    TABLE = "table"
    VIEW = "view"
    MACRO = "macro"


@dataclass(frozen=True)
class Definition:
    """One table, view or macro."""

    group: str
    name: str
    kind: Kind
    folder: Path

    @property
    def schema(self) -> str:
        """The lake schema it lives in."""
        return "main" if self.group == PEOPLE else self.group

    @property
    def qualified(self) -> str:
        """``schema.name``; every name under ``sql/`` is a plain identifier."""
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """The text of its definition."""
        return (self.folder / f"{self.kind.value}.sql").read_text(encoding="utf-8")

    @property
    def query(self) -> str:
        """A view's query alone."""
        return re.split(r"VIEW\s+\w+\s+AS\b", self.sql, maxsplit=1)[1].strip().rstrip(";")


def sql_root() -> Path:
    """Where the definitions are: inside the installed package, or ``sql/`` of the checkout it is installed from."""
    package = Path(herdbook.__file__).parent
    packaged = package / "sql"
    return packaged if packaged.is_dir() else package.parent.parent / "sql"


@cache
def definitions() -> tuple[Definition, ...]:
    """Everything under ``sql/``: tables first, then views and macros, each after what it reads."""
    found = [
        Definition(path.parent.parent.name, path.parent.name, kind, path.parent)
        for kind in Kind
        for path in sorted(sql_root().glob(f"*/*/{kind.value}.sql"))
    ]
    tables = [d for d in found if d.kind is Kind.TABLE]
    return (*tables, *_in_order_of_use([d for d in found if d.kind is not Kind.TABLE]))


def of_kind(*kinds: Kind) -> tuple[Definition, ...]:
    """The definitions of some kinds, in the order they can be created."""
    return tuple(d for d in definitions() if d.kind in kinds)


def known_views() -> dict[str, str]:
    """Statements that make the schema ``known``, by view, in the order in which they can be run.

    A view whose folder has a ``known.sql`` reads what was recorded by then; every view that reads one of those,
    directly or through others, is there with its own text, whose names mean the schema's own views first.
    """
    made: dict[str, str] = {}
    for view in of_kind(Kind.VIEW):
        own = view.folder / "known.sql"
        if own.is_file():
            made[view.name] = own.read_text(encoding="utf-8")
        elif view.group == PEOPLE and made.keys() & set(_names_read(view.sql)):
            made[view.name] = f"CREATE OR REPLACE VIEW {KNOWN}.{view.name} AS\n{view.query}"
    return made


def _in_order_of_use(people: list[Definition]) -> Iterator[Definition]:
    by_name = {d.name: d for d in people}
    uses = {d.name: set(_names_read(d.sql)) & by_name.keys() - {d.name} for d in people}
    return (by_name[name] for name in TopologicalSorter(uses).static_order())


_READS = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]+)\b(?!\.)|\b([a-z_]+)\(", re.IGNORECASE)


def _names_read(sql: str) -> Iterator[str]:
    """Names after FROM or JOIN without a schema, and names called like a function."""
    for found in _READS.finditer(re.sub(r"--[^\n]*", "", sql)):
        yield found[1] or found[2]
