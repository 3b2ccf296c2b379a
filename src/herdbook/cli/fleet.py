"""``herdbook fleet``: the devices in service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from herdbook.cli import fleet_rollout, fleet_trust
from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.settings import get_settings

app = typer.Typer(help="The devices in service.", no_args_is_help=True)
fleet_rollout.register(app)
app.add_typer(fleet_trust.app, name="trust")

DeviceArgument = Annotated[str, typer.Argument(help="The device's name, for example barn-a-1.", metavar="DEVICE")]


@app.command()
def enrol(
    device: DeviceArgument,
    *,
    farm: Annotated[str | None, typer.Option(help="The farm it stands on.")] = None,
    url: Annotated[str | None, typer.Option(help="Address of its agent, for example https://barn-a-1:8443.")] = None,
    timezone: Annotated[str | None, typer.Option(help="The farm's IANA time zone, for example Europe/London.")] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="File with its bearer token; it is copied."),
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="PEM file of its certificate's authority.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a device, or change one: what is not given stays as it is."""
    from herdbook.fleet import inventory

    enrolled = inventory.enrol(
        get_settings(),
        device,
        farm_id=farm,
        url=url,
        timezone=timezone,
        token=None if token_file is None else token_file.read_text(encoding="ascii", errors="replace"),
        ca_file=ca_file,
    )
    if as_json:
        fields = ("device_id", "farm_id", "url", "timezone", "ca_file", "enrolled_at")
        print_json({name: getattr(enrolled, name) for name in fields})
        return
    console.print(f"{enrolled.device_id} on {enrolled.farm_id} is enrolled at {enrolled.url}")
    if enrolled.url.startswith("http://"):
        console.print(
            "Remark: its token and footage travel unencrypted: give its agent certificates and an https address."
        )


@app.command()
def retire(device: DeviceArgument) -> None:
    """Take a device out of service. Its records, footage and history stay; its token is removed here."""
    from herdbook.fleet import inventory

    inventory.retire(get_settings(), device)
    console.print(f"{device} is retired")


@app.command()
def status(
    *, ask: Annotated[bool, typer.Option("--ask", help="Ask every device first.")] = False, as_json: JsonFlag = False
) -> None:
    """Every device: where it is, the release it is to run and runs, its last days, how its last attempt ended."""
    from dataclasses import asdict

    from herdbook.fleet import inventory
    from herdbook.fleet.rollout import overview

    if ask:
        overview.ask_all(get_settings())
    seen = {row.device: asdict(row) for row in overview.fleet(get_settings())}
    runs = ("sku", "desired", "actual", "certificate", "serving", "pinned", "last_seen")
    rows = [
        asdict(row) | {name: seen.get(row.device, {}).get(name) for name in runs}
        for row in inventory.status(get_settings())
    ]
    print_rows(rows, as_json=as_json)


@app.command()
def serve(
    *,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on; 0 takes any.", min=0, max=65535)] = 8760,
    access: Annotated[bool, typer.Option("--access", help="Write each request to the log.")] = False,
) -> None:
    """Serve the signed repository to devices, read-only, until stopped. Any static web server does as well."""
    from herdbook.fleet.serve import serve as run

    run(
        get_settings(),
        host=host,
        port=port,
        access=access,
        ready=lambda url: console.print(f"releases are served on {url}", soft_wrap=True),
    )
