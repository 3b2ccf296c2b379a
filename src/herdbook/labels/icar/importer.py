"""Import ICAR messages: each kept word by word, the facts that it states landed, all in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from herdbook.errors import NotFoundError
from herdbook.labels.cells import RowProblem
from herdbook.labels.facts import Fact
from herdbook.labels.icar.document import parse_document
from herdbook.labels.icar.facts import make_fact
from herdbook.labels.icar.mapping import IcarMapping, load_icar_mapping
from herdbook.labels.icar.messages import Kept, Notes, elsewhere, name_of, read_message, shown
from herdbook.labels.icar.names import GROUP_EVENTS
from herdbook.labels.icar.sets import SET_TYPES, AnimalSets
from herdbook.labels.icar.statements import statements
from herdbook.labels.icar.store import append_messages, stored_messages
from herdbook.labels.landing import ImportResult, Parsed, land
from herdbook.labels.quarantine import SetAside, quarantine_file, write_quarantine
from herdbook.labels.versions import record_of
from herdbook.lake import transaction
from herdbook.settings import Settings

_COLUMNS = ("resourceType", "message")
_ADVICE = "one message tells one fact twice"


@dataclass(frozen=True)
class IcarResult(ImportResult):
    """What an import of messages did: in messages first, then in facts."""

    messages: int
    """Kept as new or changed."""
    deleted: int
    same: int
    plans: int
    """Facts not made, because the event lies after the message."""
    notes: tuple[str, ...]
    """Where messages depart from the standard, and what was made of it."""


def import_icar(
    settings: Settings, path: Path, mapping: IcarMapping | Path, *, now: datetime | None = None
) -> IcarResult:
    """Import a file of messages. Importing it again changes nothing; a message sent again replaces its former self.

    Raises:
        NotFoundError: a file is not there.
        ConfigurationError: the mapping is wrong, or names a farm that the roster does not.
        FileFormatError: the file is not JSON, or holds no messages.
        InputError: a full file holds no usable message, which would retract everything.
    """
    mapping = load_icar_mapping(mapping) if isinstance(mapping, Path) else mapping
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"there is no file {path}", "Check the path.") from error
    document = parse_document(raw, path.name)
    return import_messages(settings, document.messages, mapping, of=raw, now=now)


def import_messages(
    settings: Settings,
    messages: Sequence[Any],
    mapping: IcarMapping,
    *,
    of: bytes,
    now: datetime | None = None,
    also: Callable[[duckdb.DuckDBPyConnection, str], None] | None = None,
) -> IcarResult:
    """Import messages in their order; of several versions of one the last counts.

    Args:
        settings: where lake and quarantine are.
        messages: as they were sent.
        mapping: what they mean here.
        of: the bytes that they were read from, which name the import.
        now: when they reached us; the present when omitted.
        also: done in the same transaction, with the import's id.
    """
    received_at = now or datetime.now(UTC)
    digest = hashlib.sha256(of + b"\0" + mapping.model_dump_json().encode()).hexdigest()
    import_id = f"{mapping.source}-{digest[:12]}"

    def work(lake: duckdb.DuckDBPyConnection) -> tuple[IcarResult, list[SetAside]]:
        done = _import(lake, messages, mapping, import_id, received_at)
        if also is not None:
            also(lake, import_id)
        return done

    result, aside = transaction.write(settings, work)
    file = quarantine_file(settings, import_id)
    write_quarantine(file, _COLUMNS, aside)
    return replace(result, quarantine=file) if aside else result


def _import(
    lake: duckdb.DuckDBPyConnection, given: Sequence[Any], mapping: IcarMapping, import_id: str, received_at: datetime
) -> tuple[IcarResult, list[SetAside]]:
    notes = Notes()
    aside: list[SetAside] = []
    latest: dict[str, Kept] = {}
    mentioned: set[str] = set()
    unnamed = skipped = 0
    for place, message in enumerate(given, start=1):
        name = name_of(message, mapping)
        try:
            kept = read_message(message, place, mapping, notes)
            if elsewhere(kept, mapping):
                skipped += 1
                continue
            latest.pop(kept.source_id, None)  # the last one counts, in its place
            latest[kept.source_id] = kept
        except RowProblem as problem:
            aside.append(SetAside(shown(message, place), str(problem)))
            unnamed += name is None
        mentioned |= {name} if name else set()
    usable, facts = _facts(lake, latest, mapping, received_at, notes=notes, aside=aside)
    parsed = Parsed(
        tuple(facts),
        tuple(aside),
        frozenset(mentioned),
        unnamed,
        skipped,
        _ADVICE,
        record_of,
        frozenset(kept.source_id for kept in usable),
    )
    result, aside = land(lake, parsed, mapping, import_id, received_at)
    stored = append_messages(
        lake,
        usable,
        mapping,
        import_id=import_id,
        received_at=received_at,
        listed=mentioned if mapping.full and not unnamed else None,
    )
    plans = sum(n for note, n in notes.items() if "a plan" in note)
    said = tuple(f"{n} times: {note}" for note, n in sorted(notes.items()))
    return IcarResult(
        **asdict(result), messages=stored.new, deleted=stored.deleted, same=stored.same, plans=plans, notes=said
    ), aside


def _facts(
    lake: duckdb.DuckDBPyConnection,
    latest: dict[str, Kept],
    mapping: IcarMapping,
    now: datetime,
    *,
    notes: Notes,
    aside: list[SetAside],
) -> tuple[list[Kept], list[Fact]]:
    """The messages that can be kept, and their facts: of a message all or none."""
    sets = _sets(lake, latest, mapping) if any(k.kind in GROUP_EVENTS for k in latest.values()) else None
    usable: list[Kept] = []
    facts: list[Fact] = []
    for kept in latest.values():
        try:
            made = [] if kept.deleted else _of(kept, mapping, sets, now, notes)
        except RowProblem as problem:
            aside.append(SetAside(kept.row, str(problem)))
            continue
        usable.append(kept)
        facts += made
    return usable, facts


def _of(kept: Kept, mapping: IcarMapping, sets: AnimalSets | None, now: datetime, notes: Notes) -> list[Fact]:
    members = sets.members(kept.message) if sets is not None and kept.kind in GROUP_EVENTS else []
    said = statements(kept.kind, kept.message, mapping.scales, members)
    made = (make_fact(one, kept, mapping, now, notes) for one in said)
    return [fact for fact in made if fact is not None]


def _sets(lake: duckdb.DuckDBPyConnection, latest: dict[str, Kept], mapping: IcarMapping) -> AnimalSets:
    known = stored_messages(lake, farm=mapping.farm, source=mapping.source, kinds=SET_TYPES)
    told = {
        name: Kept(kind, name, message, modified, None, deleted=False, place=0)
        for kind, name, message, modified in known
    }
    fresh = {name: kept for name, kept in latest.items() if kept.kind in SET_TYPES}
    return AnimalSets({**told, **fresh}.values(), mapping)
