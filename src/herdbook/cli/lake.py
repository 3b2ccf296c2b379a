"""``herdbook lake``: look after the herd lake."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.cli.progress import steps_bar
from herdbook.settings import get_settings

app = typer.Typer(help="Look after the herd lake.", no_args_is_help=True)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
NameArgument = Annotated[str, typer.Argument(help="The pin's name, for example the study's.", metavar="NAME")]


@app.command()
def check(
    *,
    new: Annotated[
        bool, typer.Option("--new", help="Only days that were loaded or claimed since the checks last passed.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Run every check. Rows that break one marked fail keep the herd from being published."""
    from herdbook.errors import LakeCheckFailedError
    from herdbook.lake.check import run_checks

    with steps_bar() as progress:
        results = run_checks(
            get_settings(),
            everything=not new,
            progress=lambda name, done, total: progress(f"checking {name}", done, total),
        )
    found = [result for result in results if result.rows]
    if as_json:
        print_json([asdict(result) | {"failed": result.failed} for result in results])
    elif found:
        print_rows(
            [{"": r.severity, "check": r.name, "rows": r.rows, "meaning": r.meaning} for r in found], as_json=False
        )
        for result in found:
            print_rows(result.sample, as_json=False, title=f"{result.name}: {len(result.sample)} of {result.rows}")
    console.print(
        f"{len(results)} checks, {sum(r.failed for r in found)} failed, {sum(not r.failed for r in found)} warned"
    )
    failed = [result.name for result in found if result.failed]
    if failed:
        raise LakeCheckFailedError(f"checks failed: {', '.join(failed)}")


@app.command()
def bulk(
    folder: Annotated[Path, typer.Argument(help="Folder with parts of bulk records, for example a simulated herd's.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Load many device days at once: every finished part below a folder, each in one transaction.

    Parts that are loaded already are left alone. Run `herdbook lake check` and `herdbook publish` after it.
    """
    from herdbook.lake.bulk import load_parts

    with steps_bar(log=True) as progress:
        results = load_parts(get_settings(), folder, progress)
    print_rows([asdict(result) for result in results], as_json=as_json, title="loaded")


@app.command()
def compact(*, dry_run: DryRun = False, as_json: JsonFlag = False) -> None:
    """Delete superseded loads, let old snapshots expire, merge small files, remove files that nothing shows."""
    from herdbook.lake import maintenance

    settings = get_settings()
    with steps_bar() as progress:
        progress("deleting superseded loads", 0, 3)
        deletion = maintenance.delete_superseded(settings, dry_run=dry_run)
        progress("letting old snapshots expire", 1, 3)
        expired = maintenance.expire_snapshots(settings, dry_run=dry_run)
        progress("merging and removing files", 2, 3)
        compaction = maintenance.compact(settings, dry_run=dry_run)
    row = {
        "superseded_loads": deletion.loads,
        "deleted_rows": deletion.rows,
        "expired_snapshots": len(expired),
        "merged_files": compaction.merged,
        "removed_files": compaction.removed,
    }
    print_rows([row], as_json=as_json, title="would be done" if dry_run else None)


@app.command()
def dictionary() -> None:
    """Print the data dictionary: every table, view and column with its unit (docs/data-dictionary.md)."""
    from herdbook.lake.dictionary import render

    sys.stdout.write(render())


@app.command()
def pin(
    name: NameArgument,
    *,
    reason: Annotated[str | None, typer.Option(help="Why it is kept, for people.")] = None,
    snapshot: Annotated[int | None, typer.Option(help="The latest when omitted.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Name the lake as it is now, and keep it: `herdbook sql --pin NAME` reads it years later."""
    from herdbook.lake.pins import pin as keep

    print_rows([asdict(keep(get_settings(), name, reason=reason, snapshot=snapshot))], as_json=as_json)


@app.command()
def unpin(name: NameArgument) -> None:
    """Let a pinned snapshot expire again."""
    from herdbook.lake.pins import unpin as let_go

    let_go(get_settings(), name)
    console.print(f"{name} is no longer pinned")


@app.command()
def pins(*, as_json: JsonFlag = False) -> None:
    """List the pinned snapshots."""
    from herdbook.lake.pins import pins as listed

    print_rows([asdict(p) for p in listed(get_settings())], as_json=as_json)


@app.command()
def analysts(
    role: Annotated[str, typer.Argument(help="The role's name, for example analysts.", metavar="ROLE")],
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Run it on the catalog, as the user that we are there.")
    ] = False,
) -> None:
    """Print the SQL of a PostgreSQL role that reads the lake and can change nothing of it; or run it."""
    from herdbook.lake.analysts import make_role, role_statements

    if not apply:
        for statement in role_statements(role):
            sys.stdout.write(f"{statement};\n")
        return
    make_role(get_settings(), role)
    console.print(
        f"{role} reads the catalog. Per person: CREATE ROLE anna LOGIN PASSWORD '…' IN ROLE {role}; the data files "
        "need read access of their own.",
        soft_wrap=True,
        markup=False,
    )
