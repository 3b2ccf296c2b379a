"""Import a farm's labels: what cannot be understood is set aside with its reason, the rest lands in one transaction."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import duckdb

from herdbook.errors import ConfigurationError, FileFormatError, InputError
from herdbook.labels.animals import Animals
from herdbook.labels.cells import RowProblem
from herdbook.labels.facts import Fact, named_label, read_fact
from herdbook.labels.kinds import LabelKind
from herdbook.labels.lifespan import LifeEvent, Lifespans, is_life_event
from herdbook.labels.mapping import Mapping, load_mapping
from herdbook.labels.quarantine import SetAside, quarantine_file, write_quarantine
from herdbook.labels.versions import SAID, Label, append_labels, current_labels, life_events
from herdbook.lake import transaction
from herdbook.roster.rows import FARMS
from herdbook.roster.sheets import Sheet, read_csv, read_xlsx
from herdbook.roster.versions import current_rows
from herdbook.settings import Settings

Progress = Callable[[str, int, int], None]
_TOLD_EVERY = 1000


class LabelFormat(StrEnum):
    """Formats that labels are imported from."""

    CSV = "csv"
    XLSX = "xlsx"


def label_format(name: str) -> LabelFormat:
    """The format of that name.

    Raises:
        FileFormatError: labels are not imported from it.
    """
    try:
        return LabelFormat(name)
    except ValueError:
        known = ", ".join(LabelFormat)
        raise FileFormatError(f"labels are not imported from '{name}'", f"Known formats are: {known}.") from None


@dataclass(frozen=True)
class ImportResult:
    """What an import did, in rows of the file (``retracted`` also counts labels that a full file no longer lists)."""

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


@dataclass(frozen=True)
class _Parsed:
    facts: tuple[Fact, ...]
    aside: tuple[SetAside, ...]
    mentioned: frozenset[str]
    """Labels that the file speaks of, in rows that could not be understood too."""
    unnamed: int
    """Rows that do not even tell which label they speak of."""
    skipped: int


def import_labels(
    settings: Settings,
    path: Path,
    form: str,
    mapping: Mapping | Path,
    *,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> ImportResult:
    """Import a file. Importing it again changes nothing; a corrected row becomes a new version of its label.

    Args:
        settings: where lake and quarantine are.
        path: the farm's export.
        form: csv or xlsx.
        mapping: what its columns mean, or the file that says so.
        now: when the file reached us; the present when omitted.
        progress: told what is being done, how many rows are done, and of how many.

    Raises:
        NotFoundError: a file is not there.
        ConfigurationError: the mapping is wrong, or names a farm that the roster does not.
        FileFormatError: the file cannot be read as csv or xlsx, or lacks columns.
        InputError: a full file holds no usable row, which would retract everything.
    """
    known_form = label_format(form)
    mapping = load_mapping(mapping) if isinstance(mapping, Path) else mapping
    received_at = now or datetime.now(UTC)
    tell = progress or _silent
    tell(f"reading {path.name}", 0, 0)
    sheet = read_sheet(path, known_form, mapping)
    import_id = _import_id(path, mapping)
    parsed = _parse(sheet, mapping, received_at, lambda done: tell("understanding rows", done, len(sheet.rows)))
    tell("writing labels", 0, 0)
    file = quarantine_file(settings, import_id)

    def work(lake: duckdb.DuckDBPyConnection) -> tuple[ImportResult, list[SetAside]]:
        return _import(lake, parsed, mapping, import_id, received_at)

    result, aside = transaction.write(settings, work)
    write_quarantine(file, sheet.columns, aside)
    return replace(result, quarantine=file) if aside else result


def read_sheet(path: Path, form: LabelFormat, mapping: Mapping) -> Sheet:
    """The file's table, with every column that the mapping names.

    Raises:
        NotFoundError: there is no such file.
        FileFormatError: it cannot be read, or lacks columns.
    """
    shape = mapping.file
    if form is LabelFormat.XLSX:
        sheet = read_xlsx(path, shape.sheet, header_row=shape.header_row)
    else:
        sheet = read_csv(path, delimiter=shape.delimiter, encoding=shape.encoding, header_row=shape.header_row)
    sheet.require(mapping.columns)
    return sheet


def _import_id(path: Path, mapping: Mapping) -> str:
    """The same file under the same mapping has the same id, and so the same quarantine file."""
    content = path.read_bytes() + b"\0" + mapping.model_dump_json().encode()
    return f"{mapping.source}-{hashlib.sha256(content).hexdigest()[:12]}"


def _silent(_what: str, _done: int, _total: int) -> None:
    pass


def _parse(sheet: Sheet, mapping: Mapping, now: datetime, tell: Callable[[int], None]) -> _Parsed:
    facts: list[Fact] = []
    aside: list[SetAside] = []
    mentioned: set[str] = set()
    unnamed = skipped = 0
    for done, row in enumerate(sheet.rows):
        if done % _TOLD_EVERY == 0:
            tell(done)
        named = named_label(row, mapping)
        mentioned |= {named} if named else set()
        try:
            fact = read_fact(row, mapping, now)
        except RowProblem as problem:
            aside.append(SetAside(row, str(problem)))
            unnamed += named is None
            continue
        if fact is None:
            skipped += 1
        else:
            facts.append(fact)
    return _Parsed(tuple(facts), tuple(aside), frozenset(mentioned), unnamed, skipped)


def _import(
    lake: duckdb.DuckDBPyConnection, parsed: _Parsed, mapping: Mapping, import_id: str, received_at: datetime
) -> tuple[ImportResult, list[SetAside]]:
    if (mapping.farm,) not in current_rows(lake, FARMS):
        raise ConfigurationError(
            f"the mapping names farm '{mapping.farm}', which the roster does not", "Import the farm's roster first."
        )
    animals = Animals(lake, mapping)
    aside = list(parsed.aside)
    said, repeated = _one_per_label(parsed.facts, animals, mapping, aside)
    said = _within_lives(lake, said, animals, mapping, aside)
    current = current_labels(lake, mapping.source, mapping.farm)
    added: list[Label] = []
    changed: list[Label] = []
    retracted: list[Label] = []
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
    gone = _no_longer_listed(parsed, said, current) if mapping.full else []
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


def _no_longer_listed(parsed: _Parsed, said: list[tuple[Fact, Label]], current: dict[str, Label]) -> list[Label]:
    """Labels that hold but that a full file does not mention.

    Raises:
        InputError: it holds no usable row, which would retract everything.
    """
    held = {i: label for i, label in current.items() if not label["retracted"]}
    if held and not said:
        raise InputError(
            "the file is said to be all that the source has, but no row of it can be used: nothing was imported",
            "Check the export. Set full: false in the mapping if the file is only a part.",
        )
    return [label for i, label in held.items() if i not in parsed.mentioned]


def _one_per_label(
    facts: tuple[Fact, ...], animals: Animals, mapping: Mapping, aside: list[SetAside]
) -> tuple[list[tuple[Fact, Label]], int]:
    """Facts of known animals, one per label; rows that contradict each other are set aside, none is preferred.

    Returns:
        Facts and their labels, and how many rows repeated another word by word.
    """
    by_label: dict[str, list[tuple[Fact, Label]]] = defaultdict(list)
    for fact in facts:
        try:
            label = _label(fact, animals.meant_by(fact), mapping)
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
        advice = (
            "the source id is not unique" if mapping.source_id else "name the columns that tell them apart: source_id"
        )
        aside += [SetAside(f.row, f"rows {rows} say different things of one fact; {advice}") for f, _ in group]
    return said, repeated


def _not_vaguer(fact: Fact, label: Label, known: Label) -> Label:
    """The label with what is known more exactly: a fact of today was true and written down when it first reached us."""
    tighter = {
        column: known[column]
        for column in ("occurred_by", "recorded_at")
        if fact.occurred_from <= known[column] <= label[column]
    }
    return {**label, **tighter}


def _label(fact: Fact, animal_id: str, mapping: Mapping) -> Label:
    own = {"animal_id": animal_id, "farm_id": mapping.farm, "source": mapping.source, "kind": fact.kind.value}
    return {name: own[name] if name in own else getattr(fact, name) for name in SAID.names}


def _within_lives(
    lake: duckdb.DuckDBPyConnection,
    said: list[tuple[Fact, Label]],
    animals: Animals,
    mapping: Mapping,
    aside: list[SetAside],
) -> list[tuple[Fact, Label]]:
    """Those facts that lie within their animal's life, by this file and all that was imported before."""
    events: dict[str, LifeEvent] = {i: (a, LabelKind(k), at) for i, a, k, at in life_events(lake)}
    for fact, label in said:
        if is_life_event(fact.kind):
            events[fact.label_id] = (label["animal_id"], fact.kind, fact.occurred_by)
        if fact.retracted:
            events.pop(fact.label_id, None)
    lives = Lifespans(events.values(), animals.born_on, mapping.timezone)
    kept: list[tuple[Fact, Label]] = []
    for fact, label in said:
        try:
            if not fact.retracted:
                lives.require_alive(fact, label["animal_id"])
            kept.append((fact, label))
        except RowProblem as problem:
            aside.append(SetAside(fact.row, str(problem)))
    return kept
