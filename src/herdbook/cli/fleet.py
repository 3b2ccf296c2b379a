"""``herdbook fleet``: the devices in service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from herdbook.cli import fleet_ca, fleet_pools, fleet_release, fleet_rollout, fleet_rotate, fleet_trust
from herdbook.cli.fleet_machine import CaFile, RootFile, UrlOption, read_machine, said, write_root
from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.settings import get_settings

app = typer.Typer(help="The devices in service.", no_args_is_help=True)
fleet_rollout.register(app)
app.add_typer(fleet_trust.app, name="trust")
app.add_typer(fleet_ca.app, name="ca")

app.command()(fleet_release.release)
app.command()(fleet_pools.pools)
app.command()(fleet_rotate.rotate)

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


@app.command()
def alerts(
    devices: Annotated[
        list[str] | None, typer.Argument(help="Ask these; by default all in service.", metavar="[DEVICE]…")
    ] = None,
    *,
    stored: Annotated[bool, typer.Option("--stored", help="Ask no device: only what the lake holds.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also alerts that are over, lost or withdrawn.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Ask devices for their alerts, keep them in the lake, and list those that go on, newest first."""
    from herdbook.ingest.alerts import fetch_all, open_alerts

    settings = get_settings()
    told = [] if stored else fetch_all(settings, devices or ())
    found = open_alerts(settings, everything=everything)
    rows = [row for row in found if not devices or row["device_id"] in devices]
    print_rows(rows if as_json else [_shown(row) for row in rows], as_json=as_json, title="alerts")
    for answer in told:
        if answer.problem is not None:
            console.print(f"{answer.device_id} raises no alerts: {answer.problem}", markup=False, soft_wrap=True)
    failures = [answer.error for answer in told if answer.error is not None]
    for failure in failures[1:]:
        console.print(f"also: {failure.message}", markup=False, soft_wrap=True)
    if failures:
        raise failures[0]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """What people look at first; all of it is in the lake's view ``alert``."""
    subject = row["animal_id"] or row["tracklet_id"] or row["pen_id"]
    names = ("raised_at", "severity", "rule_id")
    last = ("measured", "threshold", "unit", "device_id", "ended_at", "outcome")
    return {name: row[name] for name in names} | {"about": subject} | {name: row[name] for name in last}
