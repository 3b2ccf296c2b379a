"""``herdbook fleet pools``: what devices know their animals by."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from herdbook.cli.output import JsonFlag, print_rows
from herdbook.settings import get_settings


def pools(
    devices: Annotated[
        list[str] | None, typer.Argument(help="Only these; by default all in service.", metavar="[DEVICE]…")
    ] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Make the pools of devices' animals anew, from who is enrolled and where they stay, and sign those that changed.

    A device that runs what it is assigned is told of them with the same release; others get them with their next one.
    """
    from herdbook.errors import ReleaseDataError
    from herdbook.fleet.rollout.pools import Became, refresh_pools
    from herdbook.identity.pools import device_pools

    settings = get_settings()
    found = refresh_pools(settings, partial(device_pools, settings), devices or ())
    print_rows([vars(each) for each in found], as_json=as_json, title="pools")
    if too_large := [each.remark for each in found if each.became is Became.TOO_LARGE]:
        raise ReleaseDataError("; ".join(too_large), "Those devices keep the pools they have. The others are done.")
