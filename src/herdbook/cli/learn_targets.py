"""``herdbook learn targets``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from herdbook.cli.output import JsonFlag, print_json, print_rows
from herdbook.settings import get_settings


def targets(
    dataset: Annotated[Path, typer.Argument(help="A dataset's folder.")],
    out: Annotated[Path, typer.Argument(help="Index to write, for example targets.parquet.")],
    *,
    teacher: Annotated[str | None, typer.Option(help="Folder of weights, or small:SEED.")] = None,
    encoding: Annotated[Literal["fp16", "int8"] | None, typer.Option(help="How values are kept.")] = None,
    quota: Annotated[int | None, typer.Option(help="Bytes that all targets may take.")] = None,
    batch: Annotated[int | None, typer.Option(help="Frames that the teacher is asked about at once.")] = None,
    device: Annotated[str | None, typer.Option(help="Where the teacher runs, for example cuda.")] = None,
    params: Annotated[Path | None, typer.Option(help="params.yaml to use instead of the shipped one.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of params.yaml, for example pocket or orin.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write what was measured to this file too, as JSON.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask the teacher about every frame once, and keep what it says by content under $HERDBOOK_HOME/registry/targets.

    Targets that were computed for another dataset are used again. Killed or out of space, the same command continues
    where it stopped. Printed are the bytes per frame, and how far what is kept is from what the teacher said.
    """
    import dataclasses
    import json

    from rich.progress import Progress

    from herdbook.cli.output import console
    from herdbook.contracts.durable import write_durably
    from herdbook.learning.datasets.reading import Dataset
    from herdbook.learning.params import load_params
    from herdbook.learning.targets.codec import Encoding
    from herdbook.learning.targets.compute import compute_targets
    from herdbook.learning.targets.store import Recipe, TargetStore
    from herdbook.learning.targets.teachers import load_teacher

    asked = load_params(params, profile).chosen.targets
    frames = Dataset(dataset).frames()
    maker = load_teacher(teacher or asked.teacher, device or asked.device, half=asked.half)
    store = TargetStore(get_settings().home / "registry" / "targets", quota or asked.quota_bytes)
    recipe = Recipe(maker.release, maker.side, Encoding(encoding or asked.encoding))
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("targets", total=len(frames))
        measured = compute_targets(
            frames,
            maker,
            store,
            recipe,
            out,
            batch=batch or asked.batch,
            measure=asked.measure,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    said: dict[str, Any] = dataclasses.asdict(measured)
    if report is not None:
        write_durably(report.absolute(), (json.dumps(said, indent=1) + "\n").encode())
    if as_json:
        print_json(said)
    else:
        print_rows([{"what": name, "value": value} for name, value in said.items()], as_json=False, title=f"{out}")
