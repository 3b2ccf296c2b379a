"""``herdbook fleet ca``: the farm's own certificate authority, for TLS to devices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herdbook.cli.output import JsonFlag, console, print_rows
from herdbook.settings import get_settings

if TYPE_CHECKING:
    from herdbook.fleet.authority.issue import Issued

URGENT_DAYS = 7
"""Days left below which a device that does not answer is a failure of the nightly renewal."""

app = typer.Typer(help="The farm's own certificate authority, for TLS to devices.", no_args_is_help=True)


@app.command()
def init(
    *,
    name: Annotated[str, typer.Option(help="Stands in its certificate, for people.")] = "Herdbook devices",
    dns: Annotated[
        list[str] | None, typer.Option("--dns", help="A name it may vouch for, with all below it; repeat for more.")
    ] = None,
    ip: Annotated[
        list[str] | None, typer.Option("--ip", help="A network it may vouch for, like 10.20.0.0/16; repeat for more.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Begin anew: every device then needs a new certificate, by hand.")
    ] = False,
) -> None:
    """Begin the authority. It vouches for devices under these names and networks, and for nothing else."""
    from herdbook.fleet.authority.root import YEARS, certificate_path, make_authority

    settings = get_settings()
    make_authority(settings, name, dns=dns or (), networks=ip or (), replace=replace)
    console.print(
        f"The authority is {certificate_path(settings)}, for {YEARS} years. Per device: `herdbook edge certificate "
        "request` there, `herdbook fleet ca issue DEVICE` here, `herdbook edge certificate take` there.",
        soft_wrap=True,
        markup=False,
    )


@app.command()
def issue(
    device: Annotated[str, typer.Argument(help="A device in service.", metavar="DEVICE")],
    *,
    request: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="As `herdbook edge certificate request` wrote it.")
    ],
    out: Annotated[Path, typer.Option(help="Write the certificate there: it is public.")],
    days: Annotated[float, typer.Option(min=0.01, max=398, help="How long it holds.")] = 90,
) -> None:
    """Issue a device's certificate for the host in its address, and believe it from now on."""
    from herdbook.contracts.durable import write_durably
    from herdbook.fleet.authority.issue import note, sign

    settings = get_settings()
    certificate = sign(settings, device, request.read_bytes(), days=days)
    write_durably(out, certificate)
    note(settings, device, certificate)
    console.print(f"On the device: herdbook edge certificate take {out.name} --root FOLDER", soft_wrap=True)


@app.command()
def renew(
    devices: Annotated[
        list[str] | None, typer.Argument(help="Renew these now; by default those that are due.", metavar="[DEVICE]…")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Renew certificates over the devices' agents: a new key there, a new certificate from here. `maintain` does it."""
    from importlib.util import find_spec

    settings = get_settings()
    if not devices and (find_spec("cryptography") is None or not settings.authority.is_dir()):
        print_rows([], as_json=as_json)
        return
    from herdbook.errors import DeviceUnreachableError
    from herdbook.fleet.authority.issue import issued
    from herdbook.fleet.authority.renew import renew as run

    told = run(settings, devices or ())
    print_rows([_row(each.issued) for each in told if each.issued is not None], as_json=as_json, title="renewed")
    failures = [each.error for each in told if each.error is not None]
    if not devices:  # one that is off has its turn another night, until it is urgent
        urgent = {each.device_id for each in issued(settings) if each.days_left < URGENT_DAYS}
        patient = [
            e.device_id for e in told if isinstance(e.error, DeviceUnreachableError) and e.device_id not in urgent
        ]
        failures = [each.error for each in told if each.error is not None and each.device_id not in patient]
        for name in patient:
            console.print(f"{name} does not answer; its certificate still holds", markup=False)
    for failure in failures[1:]:
        console.print(f"also: {failure.message}", markup=False, soft_wrap=True)
    if failures:
        raise failures[0]


@app.command()
def status(as_json: JsonFlag = False) -> None:
    """The certificate of every device that has one of ours: its names, and how long it still holds."""
    from herdbook.fleet.authority.issue import issued
    from herdbook.fleet.authority.root import read_authority

    settings = get_settings()
    authority = read_authority(settings)
    print_rows([_row(each) for each in issued(settings)], as_json=as_json, title="certificates")
    if not as_json:
        console.print(f"The authority itself holds until {authority.certificate.not_valid_after_utc:%Y-%m-%d}")


def _row(each: Issued) -> dict[str, Any]:
    return {
        "device": each.device_id,
        "names": " ".join(each.names),
        "not_after": each.not_after.isoformat(),
        "days_left": round(each.days_left, 1),
        "due": each.due,
    }
