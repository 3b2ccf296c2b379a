"""``herdbook fleet``: a release through the fleet, in waves that stop themselves."""

from __future__ import annotations

import getpass
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.settings import get_settings

if TYPE_CHECKING:
    from herdbook.fleet.rollout.control import Deed
    from herdbook.fleet.rollout.driver import Progress

ReleaseArgument = Annotated[str, typer.Argument(help="Id of a signed release.", metavar="RELEASE")]
RolloutArgument = Annotated[
    int | None, typer.Argument(help="Its number; the latest if not given.", metavar="ROLLOUT", show_default=False)
]
By = Annotated[str | None, typer.Option(help="Who decides; your user name if not given.", show_default=False)]
Reason = Annotated[str, typer.Option(help="Why, for the ledger.")]
PolicyFile = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        exists=True,
        dir_okay=False,
        help="What differs from the shipped policy; HERDBOOK_ROLLOUT_POLICY if not given.",
    ),
]
Every = Annotated[
    float | None, typer.Option(min=0.1, help="Seconds between steps; HERDBOOK_ROLLOUT_STEP_S if not given.")
]


def rollout(
    release: ReleaseArgument,
    *,
    farm: Annotated[list[str] | None, typer.Option(help="Only devices of this farm; may be repeated.")] = None,
    policy: PolicyFile = None,
    key: Annotated[str, typer.Option(help="The same key again goes on with the same rollout.")] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Drive it until nothing is left to be done.")] = False,
    every: Every = None,
    by: By = None,
    as_json: JsonFlag = False,
) -> None:
    """Plan a rollout of a release, and tell its canaries."""
    from herdbook.fleet.rollout.control import begin
    from herdbook.fleet.rollout.driver import Driver
    from herdbook.fleet.rollout.policy import read_policy

    settings = get_settings()
    number = begin(
        settings,
        release,
        read_policy(policy or settings.rollout_policy),
        by=by or getpass.getuser(),
        key=key,
        farms=farm or (),
    )
    if watch:
        _watch(number, every, as_json=as_json)
        return
    _show(Driver(settings).step(number), as_json=as_json)


def step(
    rollout: RolloutArgument = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until nothing is left to be done.")] = False,
    every: Every = None,
    as_json: JsonFlag = False,
) -> None:
    """Carry a rollout on by one step: ask devices, decide, sign, nudge. Devices that were away catch up so, too."""
    from herdbook.fleet.rollout.driver import Driver

    number = _number(rollout)
    if number is None:
        console.print("Nothing was ever rolled out.")
        return
    if watch:
        _watch(number, every, as_json=as_json)
        return
    _show(Driver(get_settings()).step(number), as_json=as_json)


def rollouts(rollout: RolloutArgument = None, as_json: JsonFlag = False) -> None:
    """Rollouts, newest first; of a numbered one its waves with the gates' evidence, its devices and events."""
    from herdbook.fleet.rollout import overview

    if rollout is None:
        print_rows(overview.rollouts(get_settings()), as_json=as_json)
        return
    found = overview.rollout(get_settings(), rollout)
    if as_json:
        print_json(found)
        return
    waves = [
        {name: wave[name] for name in ("name", "phase", "devices", "began", "ended")}
        | {"devices by phase": _counts(wave["counts"]), "gate": wave["evidence"].get("why", "")}
        for wave in found["waves"]
    ]
    title = f"rollout {rollout} of {found['release']}: {found['phase']}" + (
        f" ({found['reason']})" if found["reason"] else ""
    )
    print_rows(waves, as_json=False, title=title)
    worth = [d for d in found["devices"] if d["phase"] not in ("pending", "proved")]
    if worth:
        print_rows(worth, as_json=False, title="devices to look at")
    print_rows(found["events"][:20], as_json=False, title="latest events")


def pause(rollout: RolloutArgument = None, *, by: By = None, reason: Reason = "", as_json: JsonFlag = False) -> None:
    """Tell nobody new until it is resumed. Gates look on."""
    _change(rollout, "pause", by, reason, as_json=as_json)


def resume(rollout: RolloutArgument = None, *, by: By = None, reason: Reason = "", as_json: JsonFlag = False) -> None:
    """Go on with a paused rollout."""
    _change(rollout, "resume", by, reason, as_json=as_json)


def abort(rollout: RolloutArgument = None, *, by: By = None, reason: Reason = "", as_json: JsonFlag = False) -> None:
    """Stop a rollout for good. Devices that took the release up go back, if its policy says so."""
    _change(rollout, "abort", by, reason, as_json=as_json)


def rollback(rollout: RolloutArgument = None, *, by: By = None, reason: Reason = "", as_json: JsonFlag = False) -> None:
    """Send every device of the latest rollout back to its former release, after its end too."""
    _change(rollout, "rollback", by, reason, as_json=as_json)


def pin(
    device: Annotated[str, typer.Argument(help="The device's name.", metavar="DEVICE")],
    release: ReleaseArgument,
    *,
    by: By = None,
    reason: Reason = "",
) -> None:
    """Fix a device's release: it is told now, and rollouts pass it by."""
    from herdbook.fleet.rollout.pins import pin as fix

    fix(get_settings(), device, release, by=by or getpass.getuser(), reason=reason)
    console.print(f"{device} is pinned to {release}")


def unpin(device: Annotated[str, typer.Argument(help="The device's name.", metavar="DEVICE")]) -> None:
    """Let a device take part in later rollouts again."""
    from herdbook.fleet.rollout.pins import unpin as loosen

    loosen(get_settings(), device)
    console.print(f"{device} takes part in later rollouts")


def register(app: typer.Typer) -> None:
    """Add these commands to ``herdbook fleet``."""
    for command in (rollout, rollouts, step, pause, resume, abort, rollback, pin, unpin):
        app.command()(command)


def _number(rollout: int | None) -> int | None:
    from herdbook.fleet.rollout import overview

    if rollout is not None:
        return rollout
    latest = overview.rollouts(get_settings(), 1)
    return latest[0]["rollout"] if latest else None


def _change(rollout: int | None, deed: Deed, by: str | None, reason: str, *, as_json: bool) -> None:
    from herdbook.errors import NotFoundError
    from herdbook.fleet.rollout.control import change
    from herdbook.fleet.rollout.driver import Driver

    settings = get_settings()
    number = _number(rollout)
    if number is None:
        raise NotFoundError("nothing was ever rolled out", "`herdbook fleet rollout RELEASE` begins one.")
    change(settings, number, deed, by=by or getpass.getuser(), reason=reason)
    _show(Driver(settings).step(number), as_json=as_json)


def _watch(number: int, every: float | None, *, as_json: bool) -> None:
    """Step until nothing is left to be done.

    Raises:
        RolloutStoppedError: it ended without reaching the fleet.
    """
    from herdbook.fleet.rollout.driver import Driver

    driver, said = Driver(get_settings()), ""
    while True:
        progress = driver.step(number)
        if (line := _line(progress)) != said:
            console.print(said := line)
        if progress.settled:
            break
        time.sleep(every or get_settings().rollout_step_s)
    _show(progress, as_json=as_json)
    require_done(progress)


def require_done(progress: Progress) -> None:
    """Check that a rollout that ended reached the fleet.

    Raises:
        RolloutStoppedError: it did not.
    """
    from herdbook.errors import RolloutStoppedError
    from herdbook.fleet.rollout.state import OVER

    if progress.state.phase in OVER:
        raise RolloutStoppedError(
            f"rollout {progress.rollout_id} was {progress.state.phase.value}: {progress.state.reason}"
        )


def _show(progress: Progress, *, as_json: bool) -> None:
    if as_json:
        print_json(_row(progress))
    else:
        console.print(_line(progress))


def _row(progress: Progress) -> dict[str, Any]:
    from herdbook.fleet.rollout.driver import counts

    wave = progress.state.running_wave
    return {
        "rollout": progress.rollout_id,
        "release": progress.state.release_id,
        "phase": progress.state.phase.value,
        "reason": progress.state.reason,
        "wave": wave.number if wave is not None else None,
        "waves": len(progress.state.waves),
        "devices": counts(progress.state.members),
        "settled": progress.settled,
        "busy": progress.busy,
    }


def _line(progress: Progress) -> str:
    row = _row(progress)
    where = "" if row["wave"] is None else ", canaries" if row["wave"] == 0 else f", wave {row['wave']}"
    why = f": {row['reason']}" if row["reason"] else ""
    busy = " (another driver is at it)" if progress.busy else ""
    return (
        f"rollout {row['rollout']} of {row['release']} is {row['phase']}{where}{why}. {_counts(row['devices'])}{busy}"
    )


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{number} {phase}" for phase, number in found.items())
