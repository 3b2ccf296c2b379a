"""``herdbook labels``: farm records in and out."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.cli.progress import steps_bar
from herdbook.labels.kinds import LabelKind
from herdbook.settings import get_settings

app = typer.Typer(help="Farm records: lameness, disease, weight, reproduction, death.", no_args_is_help=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The farm's export.", metavar="FILE")],
    *,
    form: Annotated[str, typer.Option("--format", help="csv, xlsx or icar-ade.")],
    mapping: Annotated[
        Path, typer.Option(help="What its columns or messages mean; see docs/examples/labels.", metavar="FILE.yaml")
    ],
    allow_quarantine: Annotated[
        bool, typer.Option("--allow-quarantine", help="End with exit code 0 although rows were set aside.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Import a file of farm records. Importing it again changes nothing; a corrected row becomes a new version.

    Rows of unknown animals, ambiguous tags, impossible times or values are set aside with their reason; the rest is
    imported, and the exit code is 16.
    """
    from dataclasses import asdict

    from herdbook.errors import RowsQuarantinedError
    from herdbook.labels.icar.importer import IcarResult, import_icar
    from herdbook.labels.importer import import_labels

    with steps_bar() as progress:
        result = (
            import_icar(get_settings(), file, mapping)
            if form == "icar-ade"
            else import_labels(get_settings(), file, form, mapping, progress=progress)
        )
    if as_json:
        print_json(asdict(result))
    else:
        print_counts(file.name, asdict(result))
        for note in result.notes if isinstance(result, IcarResult) else ():
            console.print(f"  {note}", soft_wrap=True)
        if result.added + result.changed + result.retracted:
            console.print("The next night shows them in herd.duckdb; `herdbook publish` does so now.")
    if result.quarantined and not allow_quarantine:
        raise RowsQuarantinedError(f"{file.name}: {result.quarantined} rows were set aside in {result.quarantine}")


@app.command("export")
def export(
    file: Annotated[Path | None, typer.Argument(help="File to write; stdout without one.", metavar="FILE")] = None,
    *,
    form: Annotated[
        str, typer.Option("--format", help="csv: the labels. icar-ade: the messages that ICAR systems sent.")
    ] = "csv",
    kind: Annotated[LabelKind | None, typer.Option(help="Only this kind.")] = None,
    farm: Annotated[str | None, typer.Option(help="Only this farm.")] = None,
    known_as_of: Annotated[
        datetime | None, typer.Option(help="As it was known at this time (UTC), for example 2024-05-03.")
    ] = None,
) -> None:
    """Write the labels that hold as CSV, one line per label, times in UTC; or ICAR messages as they were received."""
    from datetime import UTC

    from herdbook.contracts.durable import write_durably
    from herdbook.errors import FileFormatError, InputError
    from herdbook.labels.export import export_labels
    from herdbook.labels.icar.export import export_icar

    then = None if known_as_of is None else known_as_of.replace(tzinfo=UTC)
    if form not in ("csv", "icar-ade"):
        raise FileFormatError(f"labels are not exported as '{form}'", "Known formats are: csv, icar-ade.")
    if form == "icar-ade":
        if kind is not None:
            raise InputError("messages are exported whole, not by kind of fact", "Leave out --kind.")
        text = export_icar(get_settings(), farm=farm, known_as_of=then)
    else:
        text = export_labels(get_settings(), kind=kind, farm=farm, known_as_of=then)
    if file is None:
        sys.stdout.write(text)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    write_durably(file, text.encode())
    console.print(f"wrote {file}")


@app.command()
def series(
    file: Annotated[Path, typer.Argument(help="The export of a collar or tag system.", metavar="FILE")],
    *,
    form: Annotated[str, typer.Option("--format", help="csv or xlsx.")],
    mapping: Annotated[
        Path, typer.Option(help="What its columns mean; see docs/examples/labels.", metavar="FILE.yaml")
    ],
    allow_quarantine: Annotated[
        bool, typer.Option("--allow-quarantine", help="End with exit code 0 although rows were set aside.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Import the readings of another system's sensors, beside the camera's. Importing a file again changes nothing."""
    from dataclasses import asdict

    from herdbook.errors import RowsQuarantinedError
    from herdbook.labels.series.importer import import_series

    result = import_series(get_settings(), file, form, mapping)
    if as_json:
        print_json(asdict(result))
    else:
        print_counts(file.name, asdict(result))
        for note in result.notes:
            console.print(f"  {note}", soft_wrap=True)
    if result.quarantined and not allow_quarantine:
        raise RowsQuarantinedError(f"{file.name}: {result.quarantined} rows were set aside in {result.quarantine}")


@app.command()
def attention(
    file: Annotated[Path | None, typer.Argument(help="File to write; stdout without one.", metavar="FILE")] = None,
    *,
    farm: Annotated[str | None, typer.Option(help="Only this farm.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only alerts raised from then on (UTC).")] = None,
    scheme: Annotated[
        str | None, typer.Option(help="Name animals by this scheme of the roster; by our own ids without it.")
    ] = None,
    icar_scheme: Annotated[str | None, typer.Option(help="What the receiver calls that scheme.")] = None,
) -> None:
    """Write the devices' alerts about animals as ICAR messages, for the farm's other systems."""
    from datetime import UTC

    from herdbook.contracts.durable import write_durably
    from herdbook.labels.icar.attention import export_attention

    then = None if since is None else since.replace(tzinfo=UTC)
    done = export_attention(get_settings(), farm=farm, since=then, scheme=scheme, icar_scheme=icar_scheme)
    if file is None:
        sys.stdout.write(done.text)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_durably(file, done.text.encode())
        console.print(f"wrote {file}: {done.exported} messages")
    for reason, n in done.left_out.items():
        console.print(f"left out {n}: {reason}")


@app.command("sync")
def sync_(
    name: Annotated[str, typer.Argument(help="Its file is $HERDBOOK_HOME/sync/NAME.yaml.", metavar="NAME")],
    *,
    again: Annotated[
        bool, typer.Option("--again", help="Ask no server: make facts anew of the messages that were received.")
    ] = False,
    allow_quarantine: Annotated[
        bool, typer.Option("--allow-quarantine", help="End with exit code 0 although messages were set aside.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Follow a server of farm records (ICAR data exchange): take over all changes since the last time.

    Each page lands whole or not at all, and the next time goes on behind the last one that did.
    """
    from dataclasses import asdict

    from herdbook.errors import RowsQuarantinedError
    from herdbook.labels.icar import sync

    result = sync.again(get_settings(), name) if again else sync.sync(get_settings(), name)
    if as_json:
        print_json(asdict(result))
    else:
        print_counts(name, asdict(result))
        for note in result.notes:
            console.print(f"  {note}", soft_wrap=True)
    if result.quarantined and not allow_quarantine:
        files = ", ".join(map(str, result.quarantine))
        raise RowsQuarantinedError(f"{name}: {result.quarantined} messages or facts were set aside in {files}")


@app.command()
def agreement(
    *,
    scale: Annotated[str, typer.Option(help="Scale of the scores, for example locomotion-1-5.")],
    kind: Annotated[LabelKind, typer.Option(help="Kind of score.")] = LabelKind.LAMENESS_SCORE,
    farm: Annotated[str | None, typer.Option(help="Only this farm.")] = None,
    known_as_of: Annotated[datetime | None, typer.Option(help="Labels as known at this time (UTC).")] = None,
    as_json: JsonFlag = False,
) -> None:
    """How far observers agree with each other and with themselves: ICC(2,1), and weighted kappa of each pair."""
    from dataclasses import asdict
    from datetime import UTC

    from herdbook.errors import InputError
    from herdbook.labels.kinds import RULES, SCALES
    from herdbook.studies.agreement import agreement as agreement_of

    if scale not in RULES[kind].scales:
        known = ", ".join(RULES[kind].scales) or "none"
        raise InputError(f"a {kind.value} is not scored on the scale '{scale}'", f"Its scales are: {known}.")
    then = None if known_as_of is None else known_as_of.replace(tzinfo=UTC)
    found = agreement_of(get_settings(), kind.value, scale, SCALES[scale].values, farm=farm, known_as_of=then)
    rows = [asdict(row) for row in found]
    if not as_json:  # people need no fifteen digits
        rows = [{k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    print_rows(rows, as_json=as_json)


@app.command()
def lame(as_json: JsonFlag = False) -> None:
    """List the definitions of lame that a study chooses from: which score of which scale, and on whose word."""
    from herdbook.contracts.lameness import lameness_definitions

    rows = [
        {
            "definition": d.reference,
            "from": ", ".join(f"{scale} >= {cut:g}" for scale, cut in d.cuts.items()),
            "source": d.source,
        }
        for d in lameness_definitions()
    ]
    print_rows(rows, as_json=as_json)


def print_counts(what: str, result: dict[str, Any]) -> None:
    """One line: the numbers of a result."""
    counts = (f"{n} {name}" for name, n in result.items() if isinstance(n, int) and not isinstance(n, bool))
    console.print(f"{what}: {', '.join(counts)}", soft_wrap=True)


@app.command()
def kinds(as_json: JsonFlag = False) -> None:
    """List the kinds of facts with their values, scales and units, as mapping files name them."""
    from herdbook.labels.kinds import RULES

    rows = [
        {
            "kind": kind.value,
            "value": rule.value + ("" if rule.required else ", optional"),
            "scales": ", ".join(rule.scales),
            "units": ", ".join(rule.units),
            "values": ", ".join(rule.choices),
        }
        for kind, rule in RULES.items()
    ]
    print_rows(rows, as_json=as_json)
