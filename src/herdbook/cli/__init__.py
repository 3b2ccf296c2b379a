"""The ``herdbook`` command: one module per group of commands, errors without tracebacks, documented exit codes."""

from __future__ import annotations

import errno
import sys
from typing import NoReturn

from herdbook.cli import (
    animal,
    backup,
    demo,
    edge,
    evaluate,
    export,
    fleet,
    herd,
    house,
    identity,
    ingest,
    labels,
    lake,
    learn,
    load,
    model,
    promote,
    report,
    reprocess,
    roster,
    simulate,
    sql,
    study,
)
from herdbook.cli.app import app
from herdbook.cli.output import print_error
from herdbook.errors import DiskFullError, HerdbookError, StorageError

__all__ = ["app", "main"]

INTERRUPTED = 130
"""Exit code of Ctrl-C, as shells have it."""

app.command()(house.init)
app.command()(house.doctor)
app.command()(demo.demo)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(ingest.ingest)
app.command()(promote.promote)
app.command()(promote.demote)
app.command()(reprocess.reprocess)
app.command()(load.load)
app.command()(load.publish)
app.command()(load.retention)
app.command(context_settings={"ignore_unknown_options": True})(sql.sql)  # a query may begin with a comment: -- so
app.command()(export.export)
app.add_typer(animal.app, name="animal")
app.add_typer(edge.app, name="edge")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(fleet.app, name="fleet")
app.add_typer(herd.app, name="herd")
app.add_typer(identity.app, name="identity")
app.add_typer(labels.app, name="labels")
app.add_typer(lake.app, name="lake")
app.add_typer(learn.app, name="learn")
app.add_typer(model.app, name="model")
app.add_typer(report.app, name="report")
app.add_typer(roster.app, name="roster")
app.add_typer(simulate.app, name="simulate")
app.add_typer(study.app, name="study")


def main() -> None:
    """Entry point: run a command; an error that a user can meet becomes one message, what to do, and its exit code."""
    try:
        app()
    except HerdbookError as error:
        _fail(error)
    except OSError as error:
        _fail(_storage_error(error))
    except SystemExit as end:
        if end.code == INTERRUPTED:
            sys.stderr.write("Interrupted. Nothing is half done: run the same command again to continue.\n")
        raise


def _fail(error: HerdbookError) -> NoReturn:
    print_error(error)
    sys.exit(error.exit_code)


def _storage_error(error: OSError) -> StorageError:
    """What the operating system refused, as an error of ours."""
    what = f"{error.filename}: {error.strerror}" if error.filename is not None else str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(what)
    return StorageError(what, "Check that the path is right and that this user may read and write there.")
