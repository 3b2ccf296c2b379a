"""``herdbook fleet rotate``: new tokens for devices."""

from __future__ import annotations

from typing import Annotated

import typer

from herdbook.cli.output import JsonFlag, console, print_rows
from herdbook.settings import get_settings


def rotate(
    devices: Annotated[
        list[str] | None, typer.Argument(help="Which; with --older-than all in service.", metavar="[DEVICE]…")
    ] = None,
    *,
    older_than: Annotated[
        float | None, typer.Option("--older-than", help="Those whose token is older than so many days.", min=0)
    ] = None,
    overlap_hours: Annotated[
        float, typer.Option(help="How long the former token still opens the device; 0 if it leaked.", min=0, max=168)
    ] = 24,
    as_json: JsonFlag = False,
) -> None:
    """Give devices new tokens, over their agents. The former ones die after an overlap; no night is shut out."""
    from herdbook.errors import DeviceUnreachableError, HerdbookError, InputError
    from herdbook.fleet import rotation

    settings = get_settings()
    if bool(devices) == (older_than is not None):
        raise InputError("which devices?", "Name them, or give --older-than DAYS.")
    names = devices or rotation.older_than(settings, older_than or 0)
    rows, failures = [], []
    for name in names:
        try:
            rotation.rotate(settings, name, overlap_s=overlap_hours * 3600)
        except HerdbookError as error:
            rows.append({"device": name, "token": f"unchanged: {error.message}"})
            if devices or not isinstance(error, DeviceUnreachableError):  # one that is off has its turn another night
                failures.append(error)
        else:
            rows.append({"device": name, "token": "new"})
    print_rows(rows, as_json=as_json, title="tokens")
    for failure in failures[1:]:
        console.print(f"also: {failure.message}", markup=False, soft_wrap=True)
    if failures:
        raise failures[0]
