"""``herdbook edge trust``: whom a device believes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from herdbook.cli.output import console


def trust(
    root_file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="As `herdbook fleet enrol` writes it.", metavar="ROOT")
    ],
    *,
    root: Annotated[Path, typer.Option("--root", help="The device's folder.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Forget the present root and what was seen: the platform began anew.")
    ] = False,
) -> None:
    """Give the device its root of trust: it installs only what these keys, or those they name, have signed."""
    from herdbook.edge.install import provision

    version = provision(root, root_file.read_bytes(), replace=replace)
    console.print(f"{root} trusts root version {version}", soft_wrap=True)
