"""``herdbook fleet``: the devices in service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from herdbook.cli import fleet_trust
from herdbook.cli.fleet_machine import CaFile, RootFile, UrlOption, read_machine, said, write_root
from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.settings import get_settings

app = typer.Typer(help="The devices in service.", no_args_is_help=True)
app.add_typer(fleet_trust.app, name="trust")

DeviceArgument = Annotated[str, typer.Argument(help="The device's name, for example barn-a-1.", metavar="DEVICE")]


@app.command()
def enrol(
    device: DeviceArgument,
    *,
    farm: Annotated[str | None, typer.Option(help="The farm it stands on.")] = None,
    url: UrlOption = None,
    timezone: Annotated[str | None, typer.Option(help="The farm's IANA time zone, for example Europe/London.")] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="File with its bearer token; it is copied."),
    ] = None,
    ca_file: CaFile = None,
    root_file: RootFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a device, or change one: what is not given stays as it is. Its machine is read if it answers."""
    from herdbook.fleet import inventory

    settings = get_settings()
    enrolled = inventory.enrol(
        settings,
        device,
        farm_id=farm,
        url=url,
        timezone=timezone,
        token=None if token_file is None else token_file.read_text(encoding="ascii", errors="replace"),
        ca_file=ca_file,
    )
    machine = read_machine(settings, device)
    write_root(settings, root_file)
    if as_json:
        fields = ("device_id", "farm_id", "url", "timezone", "ca_file", "enrolled_at")
        print_json({name: getattr(enrolled, name) for name in fields} | {"hardware": said(machine)})
        return
    what = f", {machine.sku}" if machine else ""
    console.print(f"{enrolled.device_id}{what} on {enrolled.farm_id} is enrolled at {enrolled.url}")
    if enrolled.url.startswith("http://"):
        console.print(
            "Remark: its token and footage travel unencrypted: give its agent certificates and an https address."
        )


@app.command()
def replace(
    device: DeviceArgument,
    *,
    token_file: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="File with the new machine's bearer token; it is copied.")
    ],
    url: UrlOption = None,
    ca_file: CaFile = None,
    root_file: RootFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Another machine takes a device's place: same name and history, new token; the old one's is worth nothing."""
    from herdbook.fleet import machines

    settings = get_settings()
    token = token_file.read_text(encoding="ascii", errors="replace")
    replaced = machines.replace(settings, device, token=token, url=url, ca_file=ca_file)
    machine = read_machine(settings, device)
    write_root(settings, root_file)
    if as_json:
        print_json({"device_id": device, "url": replaced.url, "hardware": said(machine)})
        return
    console.print(f"{device}{f', {machine.sku},' if machine else ''} is another machine now, at {replaced.url}")


@app.command()
def hardware(device: DeviceArgument, as_json: JsonFlag = False) -> None:
    """The machines that were this device, first to last."""
    from herdbook.ledger.hardware import hardware_history
    from herdbook.ledger.session import ledger_session

    with ledger_session(get_settings()) as session:
        rows = hardware_history(session, device)
    fields = ("number", "sku", "memory_mib", "serial", "jetpack", "tensorrt", "cuda", "valid_from", "valid_to")
    print_rows([{name: getattr(row, name) for name in fields} for row in rows], as_json=as_json)


@app.command()
def retire(device: DeviceArgument) -> None:
    """Take a device out of service. Its records, footage and history stay; its token is removed here."""
    from herdbook.fleet import inventory

    inventory.retire(get_settings(), device)
    console.print(f"{device} is retired")


@app.command()
def status(as_json: JsonFlag = False) -> None:
    """Every device: where it is, its last day landed and loaded, and how its last attempt ended."""
    from dataclasses import asdict

    from herdbook.fleet import inventory

    print_rows([asdict(row) for row in inventory.status(get_settings())], as_json=as_json)


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
