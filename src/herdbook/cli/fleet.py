"""``herdbook fleet``: the devices in service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.settings import get_settings

app = typer.Typer(help="The devices in service.", no_args_is_help=True)

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
def status(as_json: JsonFlag = False) -> None:
    """Every device: where it is, its last day landed and loaded, and how its last attempt ended."""
    from dataclasses import asdict

    from herdbook.fleet import inventory

    print_rows([asdict(row) for row in inventory.status(get_settings())], as_json=as_json)


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
