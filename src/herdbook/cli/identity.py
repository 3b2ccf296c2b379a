"""``herdbook identity``: who is who, by hand, and what devices are told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from herdbook.cli import identity_hand, identity_review
from herdbook.cli.output import JsonFlag, console, print_json
from herdbook.settings import get_settings

app = typer.Typer(help="Who is who, beyond single animals.", no_args_is_help=True)


app.command()(identity_review.review)
for command in identity_hand.COMMANDS:
    app.command()(command)


@app.command()
def pools(
    device: Annotated[str, typer.Argument(help="The device's name, for example barn-a-1.", metavar="DEVICE")],
    *,
    out: Annotated[Path, typer.Option(help="File to write.", dir_okay=False)],
    space: Annotated[str | None, typer.Option(help="Only this embedding space; by default all.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write what the animals in a device's pens look like, for the device to name them provisionally by itself."""
    from herdbook.identity.pools import export_pools

    target = export_pools(get_settings(), device, out, space_id=space)
    if as_json:
        print_json(target.model_dump())
    else:
        console.print(f"{out}: {target.bytes} bytes, to be published as {target.path}", markup=False, soft_wrap=True)
