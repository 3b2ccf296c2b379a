"""The tree of commands. A group's module imports what it needs inside its functions: help stays fast everywhere."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="herdbook",
    help="The record of every animal for life, written by cameras.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
