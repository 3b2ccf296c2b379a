"""``herdbook edge certificate``: the device's TLS identity."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from herdbook.cli.output import console

app = typer.Typer(help="The device's TLS certificate: ask for one, take it up.", no_args_is_help=True)

Root = Annotated[Path, typer.Option("--root", help="The device's folder.")]


@app.command()
def request(
    *,
    root: Root,
    out: Annotated[Path | None, typer.Option(help="Write it there; by default to standard output.")] = None,
) -> None:
    """Write a request for a certificate, for `herdbook fleet ca issue`. The key stays here."""
    from herdbook.contracts.durable import write_durably
    from herdbook.edge.certificate import request_certificate
    from herdbook.edge.config import CONFIG_NAME, read_device_config

    made = request_certificate(root, read_device_config(root / CONFIG_NAME).device_id)
    if out is None:
        sys.stdout.write(made.decode("ascii"))
    else:
        write_durably(out, made)
        console.print(f"On the platform: herdbook fleet ca issue DEVICE --request {out.name} --out FILE")


@app.command()
def take(
    certificate: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="As the platform issued it.")],
    *,
    root: Root,
) -> None:
    """Put a certificate into force. A running agent uses it from the next connection on."""
    from herdbook.edge.certificate import take_certificate

    identity = take_certificate(root, certificate.read_bytes())
    console.print(f"{identity.subject}, by {identity.issuer}, until {identity.not_after:%Y-%m-%d %H:%M} UTC")
