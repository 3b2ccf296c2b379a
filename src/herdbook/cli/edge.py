"""``herdbook edge``: what runs on a device."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herdbook.cli import edge_certificate, edge_trust
from herdbook.cli.day import parse_day
from herdbook.cli.output import JsonFlag, console, print_rows

if TYPE_CHECKING:
    from herdbook.edge.config import DeviceConfig
    from herdbook.edge.recorder import Issued, Progress

app = typer.Typer(help="On the device: record footage into device days, and serve them.", no_args_is_help=True)

app.command()(edge_trust.trust)
app.add_typer(edge_certificate.app, name="certificate")

Root = Annotated[Path, typer.Option("--root", help="The device's folder: days, live footage, token.")]
Device = Annotated[Path | None, typer.Option("--device", help="Its device.yaml; by default the one in the root.")]
Day = Annotated[date | None, typer.Option("--day", help="Farm-local day, YYYY-MM-DD.", parser=parse_day, metavar="DAY")]
DeviceId = Annotated[str, typer.Option("--device-id", help="For a new device.yaml.")]
FarmId = Annotated[str, typer.Option("--farm-id", help="For a new device.yaml.")]
PenId = Annotated[str, typer.Option("--pen-id", help="For a new device.yaml.")]
Timezone = Annotated[str, typer.Option("--timezone", help="The farm's IANA time zone, for a new device.yaml.")]


@app.command()
def init(
    *,
    root: Root,
    video: Annotated[list[str], typer.Option("--video", help="A file, folder of clips, stream or /dev/videoN.")],
    device_id: DeviceId = "camera-1",
    farm_id: FarmId = "farm-1",
    pen_id: PenId = "pen-1",
    timezone: Timezone = "UTC",
    as_json: JsonFlag = False,
) -> None:
    """Write a device.yaml for cameras given by their sources, and a token; what exists is kept."""
    from herdbook.edge.init import TOKEN_NAME, init_device

    config = init_device(root, video, device_id=device_id, farm_id=farm_id, timezone=timezone, pen_id=pen_id)
    rows = [
        {"device": config.device_id, "camera": c.camera_id, "size": f"{c.width}x{c.height}", "fps": c.fps}
        for c in config.cameras
    ]
    print_rows(rows, as_json=as_json, title=f"{root / 'device.yaml'}, token in {root / TOKEN_NAME}")


@app.command()
def record(
    *,
    root: Root,
    device: Device = None,
    video: Annotated[str | None, typer.Option("--video", help="Record this; writes a device.yaml if none is.")] = None,
    day: Day = None,
    start: Annotated[
        str | None,
        typer.Option("--start", help="First frame of a plain file, ISO 8601; its name or noon on the farm otherwise."),
    ] = None,
    final: Annotated[bool, typer.Option("--final", help="No more footage of the day will come.")] = False,
    seconds: Annotated[float | None, typer.Option("--seconds", help="Stop live recording after this long.")] = None,
    device_id: DeviceId = "camera-1",
    farm_id: FarmId = "farm-1",
    pen_id: PenId = "pen-1",
    timezone: Timezone = "UTC",
    as_json: JsonFlag = False,
) -> None:
    """Footage into device days.

    Files and folders: every day that the clips' names speak of, or --day; days that were issued from the same
    footage are left alone. Live cameras without --day: for ever, day after day, until interrupted.
    """
    from herdbook.edge.plan import days_of
    from herdbook.edge.recorder import record_day
    from herdbook.errors import ConfigurationError

    if video is not None and device is None:
        from herdbook.edge.config import public_source
        from herdbook.edge.init import init_device

        config = init_device(root, [video], device_id=device_id, farm_id=farm_id, timezone=timezone, pen_id=pen_id)
        if not {video, str(Path(video).absolute())} & {camera.source for camera in config.cameras}:
            raise ConfigurationError(
                f"{root / 'device.yaml'} is there already and has no camera with the source {public_source(video)}",
                "Leave --video out to record what it names, or give another --root.",
            )
    else:
        config = _config(root, device)
    begins = _instant(start, config)
    _recover(root, config)
    if day is None and any(camera.is_live for camera in config.cameras):
        _record_live(config, root, seconds, as_json=as_json)
        return
    if day is not None:
        days = [day]
    elif begins is not None:
        from herdbook.contracts.farmtime import local_day

        days = [local_day(begins, config.timezone)]
    else:
        days = days_of(config, root)
    issued = []
    for each in days:
        with _progress(f"recording {each}") as progress:
            issued.append(record_day(config, root, each, final=final, start=begins, progress=progress))
    print_rows([_row(i) for i in issued], as_json=as_json)


@app.command()
def reissue(
    day: Annotated[date, typer.Argument(help="Farm-local day, YYYY-MM-DD.", parser=parse_day, metavar="DAY")],
    root: Root,
    device: Device = None,
    as_json: JsonFlag = False,
) -> None:
    """Issue a day again with a higher revision: the same files where they are sound, otherwise recorded anew."""
    from herdbook.edge.reissue import reissue_day

    with _progress(f"recording {day}") as progress:
        issued = reissue_day(_config(root, device), root, day, progress=progress)
    print_rows([_row(issued)], as_json=as_json)


@app.command()
def days(root: Root, as_json: JsonFlag = False) -> None:
    """The days this device holds, and which of them the platform has acknowledged."""
    from herdbook.edge.days import DayStore

    store = DayStore(root)
    rows = []
    for stored in filter(None, map(store.latest, store.all_days())):
        here = [f for f in stored.manifest.files if stored.path_of(f).is_file()]
        rows.append(
            {
                "day": stored.manifest.day.isoformat(),
                "revision": stored.manifest.revision,
                "final": stored.manifest.final,
                "acknowledged": store.acknowledgement(stored) is not None,
                "files": f"{len(here)} of {len(stored.manifest.files)}",
                "bytes": sum(f.bytes for f in here),
            }
        )
    print_rows(rows, as_json=as_json)
    for folder in store.broken():
        console.print(f"[yellow]{folder} cannot be served[/]: issue the day again with `herdbook edge reissue`")


@app.command()
def serve(
    *,
    root: Root,
    token_file: Annotated[Path | None, typer.Option("--token-file", help="Mode 0600; by default ROOT/token.")] = None,
    device: Device = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on; 0 takes any.", min=0, max=65535)] = 8750,
    certfile: Annotated[
        Path | None,
        typer.Option("--certfile", help="TLS certificate, PEM; by default what `edge certificate take` put there."),
    ] = None,
    keyfile: Annotated[Path | None, typer.Option("--keyfile", help="Its private key, PEM.")] = None,
    plain_http: Annotated[
        bool, typer.Option("--plain-http", help="Without a certificate, let other machines talk to it all the same.")
    ] = False,
    update: Annotated[bool, typer.Option("--update", help="Also take up the releases that are assigned.")] = False,
) -> None:
    """Serve this device's days to the platform, until stopped."""
    from herdbook.edge.init import TOKEN_NAME
    from herdbook.edge.serve import serve as run

    config = _config(root, device)
    stop = threading.Event()
    updater: threading.Thread | None = None
    if update:
        from herdbook.edge.updates import update_beside

        updater = update_beside(root, config, stop, _remark)
    try:
        run(
            root,
            config,
            token_file or root / TOKEN_NAME,
            host=host,
            port=port,
            certfile=certfile,
            keyfile=keyfile,
            plain_http=plain_http,
            ready=lambda url: console.print(f"{config.device_id} serves on {url}", soft_wrap=True),
        )
    finally:
        stop.set()
        if updater is not None:
            updater.join(timeout=10)


@app.command()
def update(
    *,
    root: Root,
    device: Device = None,
    once: Annotated[bool, typer.Option("--once", help="One pass, then end.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Take up the releases that the platform assigned: fetch, prove, switch, report; until stopped.

    Begins by making sure that the device has a working engine, whatever happened before.
    """
    from herdbook.edge.updates import update as run

    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    report = run(root, _config(root, device), once=once, stop=stop, remark=_remark)
    if once:
        row = {
            "stage": report.stage.value,
            "assignment": report.assignment,
            "desired": report.desired,
            "actual": report.actual,
            "serving": report.serving,
            "failure": report.failure.message if report.failure else None,
            "remedy": report.failure.remedy if report.failure else None,
        }
        print_rows([row], as_json=as_json)
        if report.failure is not None:
            raise typer.Exit(report.failure.exit_code)


def _record_live(config: DeviceConfig, root: Path, seconds: float | None, *, as_json: bool) -> None:
    from herdbook.edge.service import LiveRecorder

    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    if seconds is not None:
        timer = threading.Timer(seconds, stop.set)
        timer.daemon = True
        timer.start()
    rows: list[dict[str, Any]] = []
    LiveRecorder(
        config,
        root,
        stop=stop,
        issued=lambda issued: rows.append(_row(issued)),
        remark=_remark,
    ).run()
    print_rows(rows, as_json=as_json)


def _remark(text: str) -> None:
    console.print(text, soft_wrap=True, markup=False)


def _recover(root: Path, config: DeviceConfig) -> None:
    """Before anything is recorded: the engine that is named must work, or give way to the last good one."""
    from herdbook.edge.activate import place_of, read_active, recover

    if read_active(root / "releases") is not None:
        place = place_of(root, config)
        with place.host:
            recover(place)


def _config(root: Path, device: Path | None) -> DeviceConfig:
    from herdbook.edge.config import CONFIG_NAME, read_device_config

    return read_device_config(device or root / CONFIG_NAME)


def _instant(text: str | None, config: DeviceConfig) -> datetime | None:
    """An ISO instant; without an offset it is the farm's own time."""
    from herdbook.contracts.farmtime import zone
    from herdbook.errors import InputError

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"'{text}' is not an instant", "Write it as 2026-06-01T12:00:00Z.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=zone(config.timezone))


def _row(issued: Issued) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(issued).items()}


@contextmanager
def _progress(title: str) -> Iterator[Progress]:
    """A bar per camera, in seconds of footage."""
    from rich.progress import Progress as Bars

    with Bars(console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def advance(camera_id: str, done: float, total: float) -> None:
            task = tasks.get(camera_id)
            if task is None:
                task = tasks[camera_id] = bars.add_task(f"{title}, {camera_id}")
            bars.update(task, completed=done, total=max(total, done, 1e-9))

        yield advance
