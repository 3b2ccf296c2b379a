"""What a source says lands in the lake: new labels, new versions, retractions; in one transaction, told in counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import duckdb

from herdbook.errors import ConfigurationError, InputError
from herdbook.labels.animals import Animals
from herdbook.labels.cells import RowProblem
from herdbook.labels.facts import Fact
from herdbook.labels.kinds import LabelKind
from herdbook.labels.lifespan import LifeEvent, Lifespans, is_life_event
from herdbook.labels.quarantine import SetAside
from herdbook.labels.versions import SAID, Label, append_labels, current_labels, life_events
from herdbook.roster.rows import FARMS
from herdbook.roster.versions import current_rows


class Origin(Protocol):
    """Whose word it is: what every mapping says, whatever the format."""

    @property
    def source(self) -> str:
        """With a source id it names a fact for ever."""

    @property
    def farm(self) -> str:
        """The farm of the roster."""

    @property
    def timezone(self) -> str:
        """Of times without a zone."""

    @property
    def full(self) -> bool:
        """Whether it is all that the source has: what it no longer lists is retracted."""


@dataclass(frozen=True)
class ImportResult:
    """What an import did, in facts (``retracted`` also counts labels that a full file no longer lists)."""

    import_id: str
    added: int
    changed: int
    retracted: int
    unchanged: int
    skipped: int
    """Plans, kinds of events that the mapping leaves out, and retractions of what was never imported."""
    withheld: int
    """Labels that a full file no longer lists but that hold still: a row that was set aside may speak of them."""
    quarantined: int
    quarantine: Path | None


def _alone(label: Label) -> str:
    return str(label["label_id"])


@dataclass(frozen=True)
class Parsed:
    """What was understood, and what was not."""

    facts: tuple[Fact, ...]
    aside: tuple[SetAside, ...]
    mentioned: frozenset[str]
    """Records spoken of, in rows that could not be understood too."""
    unnamed: int
    """Rows that do not even tell which record they speak of."""
    skipped: int
    advice: str
    """What to do where two rows say different things of one fact."""
    record_of: Callable[[Label], str] = _alone
    """The record that a label was made from: the label itself, unless one record makes several."""
    replaced: frozenset[str] = frozenset()
    """Records that are said anew as a whole: labels that they no longer make are retracted."""


def land(
    lake: duckdb.DuckDBPyConnection, parsed: Parsed, origin: Origin, import_id: str, received_at: datetime
) -> tuple[ImportResult, list[SetAside]]:
    """Append what is new, changed or taken back. The same again changes nothing.

    Returns:
        Counts, and all rows set aside: the given ones and those of unknown animals or outside an animal's life.

    Raises:
        ConfigurationError: the roster has no such farm.
        InputError: a full file holds no usable row, which would retract everything.
    """
    if (origin.farm,) not in current_rows(lake, FARMS):
        raise ConfigurationError(
            f"the mapping names farm '{origin.farm}', which the roster does not", "Import the farm's roster first."
        )
    animals = Animals(lake, origin.farm)
    aside = list(parsed.aside)
    said, repeated = _one_per_label(parsed, animals, origin, aside)
    said = _within_lives(lake, said, animals, origin, aside)
    only = None if origin.full or parsed.record_of is _alone else parsed.mentioned
    current = current_labels(lake, origin.source, origin.farm, only)
    added: list[Label] = []
    changed: list[Label] = []
    retracted = _no_longer_made(parsed, current)
    unchanged, skipped = repeated, parsed.skipped
    for fact, says in said:
        known = current.get(fact.label_id)
        if known is None:
            if fact.retracted:
                skipped += 1
            else:
                added.append(says)
        elif fact.retracted and known["retracted"]:
            skipped += 1
        elif fact.retracted:
            retracted.append({**known, "retracted": True})
        elif (label := _not_vaguer(fact, says, known)) != known:
            changed.append(label)
        else:
            unchanged += 1
    gone = _no_longer_listed(parsed, said, current) if origin.full else []
    retracted += [] if parsed.unnamed else [{**k, "retracted": True} for k in gone]
    append_labels(lake, added + changed + retracted, import_id=import_id, received_at=received_at)
    aside.sort(key=lambda a: a.row.number)
    done = ImportResult(
        import_id,
        added=len(added),
        changed=len(changed),
        retracted=len(retracted),
        unchanged=unchanged,
        skipped=skipped,
        withheld=len(gone) if parsed.unnamed else 0,
        quarantined=len(aside),
        quarantine=None,
    )
    return done, aside


def _no_longer_made(parsed: Parsed, current: dict[str, Label]) -> list[Label]:
    """Retractions of labels whose record was said anew without them; one that is only set aside holds."""
    if not parsed.replaced:
        return []
    made = {fact.label_id for fact in parsed.facts}
    held = (label for i, label in current.items() if not label["retracted"] and i not in made)
    return [{**label, "retracted": True} for label in held if parsed.record_of(label) in parsed.replaced]


def _no_longer_listed(parsed: Parsed, said: list[tuple[Fact, Label]], current: dict[str, Label]) -> list[Label]:
    """Labels that hold but that a full file does not mention.

    Raises:
        InputError: it holds no usable row, which would retract everything.
    """
    held = [label for label in current.values() if not label["retracted"]]
    if held and not said and not parsed.replaced:
        raise InputError(
            "the file is said to be all that the source has, but no row of it can be used: nothing was imported",
            "Check the export. Set full: false in the mapping if the file is only a part.",
        )
    return [label for label in held if parsed.record_of(label) not in parsed.mentioned]


def _one_per_label(
    parsed: Parsed, animals: Animals, origin: Origin, aside: list[SetAside]
) -> tuple[list[tuple[Fact, Label]], int]:
    """Facts of known animals, one per label; rows that contradict each other are set aside, none is preferred.

    Returns:
        Facts and their labels, and how many rows repeated another word by word.
    """
    by_label: dict[str, list[tuple[Fact, Label]]] = defaultdict(list)
    for fact in parsed.facts:
        try:
            label = _label(fact, animals.meant_by(fact), origin)
            by_label[fact.label_id].append((fact, label))
        except RowProblem as problem:
            aside.append(SetAside(fact.row, str(problem)))
    said: list[tuple[Fact, Label]] = []
    repeated = 0
    for group in by_label.values():
        if all(label == group[0][1] for _, label in group):
            said.append(group[0])
            repeated += len(group) - 1
            continue
        rows = ", ".join(str(fact.row.number) for fact, _ in group)
        aside += [SetAside(f.row, f"rows {rows} say different things of one fact; {parsed.advice}") for f, _ in group]
    return said, repeated


def _not_vaguer(fact: Fact, label: Label, known: Label) -> Label:
    """The label with what is known more exactly: a fact of today was true and written down when it first reached us."""
    tighter = {
        column: known[column]
        for column in ("occurred_by", "recorded_at")
        if fact.occurred_from <= known[column] <= label[column]
    }
    return {**label, **tighter}


def _label(fact: Fact, animal_id: str, origin: Origin) -> Label:
    own = {"animal_id": animal_id, "farm_id": origin.farm, "source": origin.source, "kind": fact.kind.value}
    return {name: own[name] if name in own else getattr(fact, name) for name in SAID.names}


def _within_lives(
    lake: duckdb.DuckDBPyConnection,
    said: list[tuple[Fact, Label]],
    animals: Animals,
    origin: Origin,
    aside: list[SetAside],
) -> list[tuple[Fact, Label]]:
    """Those facts that lie within their animal's life, by this file and all that was imported before."""
    events: dict[str, LifeEvent] = {i: (a, LabelKind(k), at) for i, a, k, at in life_events(lake)}
    for fact, label in said:
        if is_life_event(fact.kind):
            events[fact.label_id] = (label["animal_id"], fact.kind, fact.occurred_by)
        if fact.retracted:
            events.pop(fact.label_id, None)
    lives = Lifespans(events.values(), animals.born_on, origin.timezone)
    kept: list[tuple[Fact, Label]] = []
    for fact, label in said:
        try:
            if not fact.retracted:
                lives.require_alive(fact, label["animal_id"])
            kept.append((fact, label))
        except RowProblem as problem:
            aside.append(SetAside(fact.row, str(problem)))
    return kept
