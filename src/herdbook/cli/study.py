"""``herdbook study``: plan a study, run it, run it again, and see what another release would have found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herdbook.cli import study_release
from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.settings import get_settings

if TYPE_CHECKING:
    from herdbook.studies.definition import Study

app = typer.Typer(help="Ask the herd: studies of what came before.", no_args_is_help=True)
app.add_typer(study_release.app)

_File = Annotated[Path, typer.Argument(help="The study's definition, YAML.", metavar="STUDY.yaml")]


@app.command()
def plan(
    file: _File,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only check the definition against its assurance rows; no lake is read.")
    ] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Print every step's query too.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say what would be asked and count who is in and who is left out, and why. Nothing is estimated or written."""
    from herdbook.studies.read import read_study
    from herdbook.studies.run import plan as make_plan
    from herdbook.studies.steps import JUDGING, READING, Step, drawing

    study = read_study(file)
    if check:
        _check(study, as_json=as_json)
        return
    pinned, assembled = make_plan(get_settings(), study)
    steps = [
        {"step": step.name, "a row is": step.metadata.grain, "why": " ".join(step.metadata.description.split())}
        | ({"sql": step.sql} if sql and as_json else {})
        for step in map(Step, drawing(study) + READING + JUDGING)
    ]
    flow, missing = assembled.flow.to_pylist(), assembled.missing.to_pylist()
    if as_json:
        print_json({"snapshot": pinned.snapshot, "releases": assembled.releases, "steps": steps, "flow": flow})
    else:
        print_rows(steps, as_json=False, title="the query, step by step")
        if sql:
            for step in map(Step, drawing(study) + READING + JUDGING):
                typer.echo(f"-- {step.table}\n{step.sql}")
        print_rows(flow, as_json=False, title="who is in, and who is left out")
        print_rows(missing, as_json=False, title="what is missing")
        console.print(f"snapshot {pinned.snapshot}, releases {', '.join(assembled.releases) or 'none'}")
    if assembled.refusal is not None:
        raise assembled.refusal


@app.command()
def run(
    file: _File,
    *,
    out: Annotated[Path, typer.Option(help="Folder to write; it must not be there.")],
    as_json: JsonFlag = False,
) -> None:
    """Write the analysis table, estimates, figures and a page, and all that it takes to run it again."""
    from herdbook.studies.read import read_study
    from herdbook.studies.run import run as make

    ran = make(get_settings(), read_study(file), out)
    if as_json:
        said = {"folder": ran.folder, "snapshot": ran.snapshot, "pinned": ran.pinned, "digest": ran.digest}
        print_json(said | {"estimates": ran.estimates.to_pylist()})
        return
    print_rows(ran.assembled.flow.to_pylist(), as_json=False, title="who is in, and who is left out")
    shown = (
        "exposure",
        "role",
        "per",
        "ratio",
        "ratio_low",
        "ratio_high",
        "p",
        "p_adjusted",
        "sets",
        "rows",
        "problem",
    )
    rows = ran.estimates.select(list(shown)).to_pylist()
    print_rows([{k: _short(v) for k, v in row.items()} for row in rows], as_json=False, title="estimates")
    console.print(f"wrote {ran.folder}; digest {ran.digest}")
    if ran.pinned is None:
        console.print(
            f"Snapshot {ran.snapshot} may expire: `herdbook lake pin NAME --snapshot {ran.snapshot}` keeps it.",
            soft_wrap=True,
        )


@app.command()
def rerun(
    folder: Annotated[Path, typer.Argument(help="The folder that a run wrote.")], *, as_json: JsonFlag = False
) -> None:
    """Run a study again from what it wrote, and compare every file to the byte. Nothing is written."""
    from herdbook.studies.run import rerun as again

    said = again(get_settings(), folder)
    if as_json:
        print_json(said)
    else:
        console.print(f"{len(said['files'])} files come out the same; digest {said['digest']}")


@app.command()
def measures(as_json: JsonFlag = False) -> None:
    """List what may be an exposure."""
    from herdbook.studies.measures import MEASURES

    rows = [
        {"measure": name, "meaning": m.meaning, "bridged": m.posture is not None or m.behaviour is not None}
        for name, m in MEASURES.items()
    ]
    print_rows(rows, as_json=as_json)


def _check(study: Study, *, as_json: bool) -> None:
    from herdbook.errors import AssuranceError
    from herdbook.studies.assurance import check

    checked = check(study)
    if as_json:
        print_json([vars(c) for c in checked])
    else:
        print_rows([{"": "ok" if not c.problems else "FAILED", "assurance": c.name} for c in checked], as_json=False)
        for c in checked:
            for problem in c.problems:
                console.print(f"{c.name}: {problem}", soft_wrap=True, markup=False)
    failed = [c.name for c in checked if c.problems]
    if failed:
        raise AssuranceError(f"{len(failed)} of {len(checked)} assurance rows fail: {', '.join(failed)}")


def _short(value: object) -> object:
    return f"{value:.4g}" if isinstance(value, float) else value
