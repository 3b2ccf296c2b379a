"""What ``fleet enrol`` and ``fleet replace`` share: reading the machine, and writing the root of trust."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herdbook.cli.output import console

if TYPE_CHECKING:
    from herdbook.contracts.hardware import Hardware
    from herdbook.settings import Settings

RootFile = Annotated[
    Path | None,
    typer.Option("--root-file", help="Write the root of trust there, for `herdbook edge trust` on the device."),
]
UrlOption = Annotated[str | None, typer.Option(help="Address of its agent, for example https://barn-a-1:8443.")]
CaFile = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="PEM file of its certificate's authority.")
]


def read_machine(settings: Settings, device_id: str) -> Hardware | None:
    """Ask the device for its machine and enter it; none, with a remark, where it does not answer yet."""
    from herdbook.errors import DeviceError
    from herdbook.fleet.machines import ask_hardware, note_hardware

    try:
        hardware = ask_hardware(settings, device_id)
    except DeviceError as error:
        console.print(f"Remark: its machine is not known yet: {error.message}", soft_wrap=True, markup=False)
        return None
    note_hardware(settings, device_id, hardware)
    return hardware


def write_root(settings: Settings, root_file: Path | None) -> None:
    """Write the newest root of trust where the person wants it."""
    from herdbook.contracts.durable import write_durably
    from herdbook.fleet.trust.store import exists, newest_root

    if root_file is not None:
        write_durably(root_file, newest_root(settings).read_bytes())
        console.print(f"On the device: herdbook edge trust {root_file.name} --root FOLDER", soft_wrap=True)
    elif exists(settings):
        console.print("Its root of trust: --root-file FILE writes it, `herdbook edge trust` takes it up there.")


def said(hardware: Hardware | None) -> dict[str, Any] | None:
    """The machine as data."""
    return None if hardware is None else hardware.model_dump(mode="json")
