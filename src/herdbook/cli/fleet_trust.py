"""``herdbook fleet trust``: keys and signatures of what devices install."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.settings import get_settings

if TYPE_CHECKING:
    from herdbook.fleet.trust.keys import OfflineKeys
    from herdbook.fleet.trust.upkeep import RoleStatus

app = typer.Typer(help="Keys and signatures of what devices install.", no_args_is_help=True)

Keys = Annotated[
    list[Path], typer.Option("--keys", help="Folder of the offline keys, meant for a stick; repeat for several.")
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", exists=True, dir_okay=False, help="Its first line; asked for otherwise."),
]


@app.command()
def init(
    *,
    keys: Keys,
    passphrase_file: PassphraseFile = None,
    root_keys: Annotated[int, typer.Option(help="How many root keys.", min=1, max=16)] = 3,
    threshold: Annotated[int, typer.Option(help="How many of them must sign.", min=1, max=16)] = 2,
) -> None:
    """Make all keys and an empty signed repository. The offline keys are needed again for ceremonies only."""
    _require_library()
    from herdbook.fleet.trust import ceremony

    settings = get_settings()
    offline = _offline(keys, passphrase_file, new=True)
    state = ceremony.init(settings, offline, root_keys=root_keys, threshold=threshold)
    console.print(f"The signed repository is {state.folder}", soft_wrap=True)
    console.print(
        f"Take {', '.join(map(str, keys))} offline and put them into safes; the passphrase belongs elsewhere. "
        "Devices get their root of trust with `herdbook fleet enrol DEVICE --root-file FILE`.",
        soft_wrap=True,
    )


@app.command()
def rotate(
    role: Annotated[str, typer.Argument(help="root, targets, snapshot, timestamp, releases or assignments.")],
    *,
    keys: Keys,
    passphrase_file: PassphraseFile = None,
    lost: Annotated[
        list[str] | None, typer.Option("--lost", help="Beginning of the id of a key to replace; all otherwise.")
    ] = None,
) -> None:
    """Replace a role's keys: devices believe the old ones no longer. Needs the offline keys."""
    _require_library()
    from herdbook.fleet.trust import ceremony

    new = ceremony.rotate(get_settings(), role, _offline(keys, passphrase_file), lost or ())
    console.print(f"{role} is signed by {', '.join(keyid[:12] for keyid in new)} from now on")


@app.command()
def refresh(
    *,
    keys: Annotated[
        list[Path] | None, typer.Option("--keys", help="Folder of the offline keys: renews what they signed, too.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Sign anew what would expire. `maintain` does it every night; with --keys root and targets are renewed, too."""
    from herdbook.fleet.repository import is_signed

    settings = get_settings()
    if not keys and not is_signed(settings):
        _print([], as_json=as_json)
        return
    _require_library()
    from herdbook.fleet.trust import ceremony, upkeep
    from herdbook.fleet.trust.roles import OFFLINE

    if keys:
        ceremony.renew(settings, _offline(keys, passphrase_file))
    found = upkeep.refresh(settings)
    _print(found, as_json=as_json)
    for status in found:
        if status.days_left < upkeep.WARN_DAYS and status.role in OFFLINE:
            console.print(
                f"[yellow]{status.role} expires in {status.days_left:.0f} days[/]: bring the offline keys and run "
                "`herdbook fleet trust refresh --keys FOLDER`.",
                soft_wrap=True,
            )


@app.command()
def prune(as_json: JsonFlag = False) -> None:
    """Remove old releases that no device in service is assigned or may go back to, and files that nothing names."""
    from datetime import timedelta

    from herdbook.fleet.repository import is_signed
    from herdbook.fleet.rollout.store import ways_back
    from herdbook.ledger.columns import utc_now
    from herdbook.ledger.devices import active_devices
    from herdbook.ledger.session import ledger_session

    settings = get_settings()
    gone: list[str] = []
    if is_signed(settings):
        _require_library()
        from herdbook.fleet.trust import upkeep

        with ledger_session(settings) as session:
            kept = ways_back(session, utc_now() - timedelta(days=settings.release_keep_days))
        gone = upkeep.prune(settings, [device.device_id for device in active_devices(settings)], kept)
    if as_json:
        print_json({"releases": gone})
    else:
        console.print(f"{len(gone)} releases removed{': ' if gone else ''}{', '.join(gone)}")


@app.command()
def status(
    root_file: Annotated[
        Path | None, typer.Option("--root-file", help="Write the root of trust for devices there, too.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Every role: version, expiry, threshold and keys."""
    _require_library()
    from herdbook.contracts.durable import write_durably
    from herdbook.fleet.repository import newest_root
    from herdbook.fleet.trust.upkeep import role_status

    settings = get_settings()
    _print(role_status(settings), as_json=as_json)
    if root_file is not None:
        write_durably(root_file, newest_root(settings).read_bytes())


def _print(found: list[RoleStatus], *, as_json: bool) -> None:
    rows = [
        {
            "role": status.role,
            "version": status.version,
            "expires": status.expires.isoformat(),
            "days_left": round(status.days_left, 1),
            "threshold": status.threshold,
            "keys": list(status.keys) if as_json else " ".join(keyid[:12] for keyid in status.keys),
        }
        for status in found
    ]
    print_rows(rows, as_json=as_json)


def _require_library() -> None:
    from importlib.util import find_spec

    from herdbook.errors import MissingDependencyError

    if find_spec("tuf") is None:
        raise MissingDependencyError("signed releases need the extra 'fleet' (tuf)")


def _offline(folders: list[Path], passphrase_file: Path | None, *, new: bool = False) -> OfflineKeys:
    from herdbook.errors import ConfigurationError
    from herdbook.fleet.trust.keys import OfflineKeys

    if passphrase_file is not None:
        if passphrase_file.stat().st_mode & 0o077:
            raise ConfigurationError(f"{passphrase_file} can be read by others", f"Run: chmod 600 {passphrase_file}")
        passphrase = passphrase_file.read_bytes().partition(b"\n")[0].strip()
    else:
        asked: str = typer.prompt("Passphrase of the offline keys", hide_input=True, confirmation_prompt=new, err=True)
        passphrase = asked.encode()
    return OfflineKeys(tuple(folder.absolute() for folder in folders), passphrase)
