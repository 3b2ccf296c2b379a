"""The ``herdbook`` command: one module per group of commands, errors without tracebacks, documented exit codes."""

from __future__ import annotations

import sys

from herdbook.cli import (
    animal,
    demo,
    edge,
    evaluate,
    export,
    fleet,
    house,
    ingest,
    labels,
    lake,
    load,
    roster,
    simulate,
    sql,
)
from herdbook.cli.app import app
from herdbook.cli.output import print_error
from herdbook.errors import HerdbookError

__all__ = ["app", "main"]

INTERRUPTED = 130
"""Exit code of Ctrl-C, as shells have it."""

app.command()(house.init)
app.command()(house.doctor)
app.command()(demo.demo)
app.command()(ingest.ingest)
app.command()(load.load)
app.command()(load.publish)
app.command()(load.retention)
app.command()(sql.sql)
app.command()(export.export)
app.add_typer(animal.app, name="animal")
app.add_typer(edge.app, name="edge")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(fleet.app, name="fleet")
app.add_typer(labels.app, name="labels")
app.add_typer(lake.app, name="lake")
app.add_typer(roster.app, name="roster")
app.add_typer(simulate.app, name="simulate")


def main() -> None:
    """Entry point: run a command; a `HerdbookError` becomes one message, what to do, and its exit code."""
    try:
        app()
    except HerdbookError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            sys.stderr.write("Interrupted. Nothing is half done: run the same command again to continue.\n")
        raise
