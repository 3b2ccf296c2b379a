"""``herdbook evaluate``: how well a tracker did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from herdbook.cli import evaluate_reid
from herdbook.cli.output import JsonFlag, console, print_json, print_rows

if TYPE_CHECKING:
    from herdbook.learning.formats import Tracks
    from herdbook.learning.metrics import MotScore

app = typer.Typer(help="Compare what was seen with the truth.", no_args_is_help=True)

Format = Literal["motchallenge", "edinburgh", "boxes"]
_FORMAT_HELP = "Its format; told by its content if not given."


@app.callback()
def _group() -> None:
    """Compare what was seen with the truth."""


app.command("reid")(evaluate_reid.reid)


@app.command("mot")
def mot(
    *,
    truth: Annotated[Path, typer.Option(help="True tracks: a file, an Edinburgh clip folder or a device-day folder.")],
    pred: Annotated[Path, typer.Option(help="Predicted tracks, likewise.")],
    iou: Annotated[float, typer.Option(help="Least overlap of a match, above 0 and up to 1.")] = 0.5,
    truth_format: Annotated[Format | None, typer.Option(help=_FORMAT_HELP, show_default=False)] = None,
    pred_format: Annotated[Format | None, typer.Option(help=_FORMAT_HELP, show_default=False)] = None,
    camera: Annotated[str | None, typer.Option(help="Which camera of a device day.", show_default=False)] = None,
    clip: Annotated[str | None, typer.Option(help="Which clip of boxes files.", show_default=False)] = None,
    as_json: JsonFlag = False,
) -> None:
    """Tracking metrics: MOTA, MOTP, IDF1, switches, fragmentations and HOTA.

    Reads MOTChallenge text, Edinburgh output.json, and this platform's boxes files. What each number means, and where
    other tools count differently, is in docs/metrics.md.
    """
    true = _read(truth, truth_format, truth=True, camera=camera, clip=clip)
    predicted = _read(pred, pred_format, truth=False, camera=camera, clip=clip)
    score = _score(true, predicted, iou)
    remarks = {"truth": true.remarks, "pred": predicted.remarks, "comparison": score.remarks}
    if as_json:
        print_json({"truth": truth, "pred": pred} | score.flat() | {"remarks": remarks})
        return
    for whose, said in remarks.items():
        for remark in said:
            console.print(f"{whose}: {remark}", style="dim", markup=False)
    print_rows([{"metric": name, "value": _shown(value)} for name, value in score.flat().items()], as_json=False)


@app.command("compare")
def compare(
    challenger: Annotated[Path, typer.Argument(help="An evaluation.json.")],
    champion: Annotated[Path, typer.Argument(help="Another, of the same sequences.")],
    as_json: JsonFlag = False,
) -> None:
    """The first evaluation less the second, paired on their sequences, with 95 % intervals.

    Neither is run again: an evaluation holds the sums of every sequence.
    """
    from herdbook.learning.evaluation.report import compare, read_report
    from herdbook.learning.evaluation.table import rows_of, slice_rows

    found = compare(read_report(challenger), read_report(champion))
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    whole = found.overall
    print_rows(rows_of(whole), as_json=False, title=f"{whole.sequences} sequences, {whole.units} {whole.level}s drawn")
    if found.slices:
        print_rows(slice_rows(found.slices), as_json=False, title="by slice")


@app.command("table")
def table(
    reports: Annotated[list[Path], typer.Argument(help="evaluation.json files of engines, of the same sequences.")],
    as_json: JsonFlag = False,
) -> None:
    """Engines side by side: figures with 95 % intervals, parameters, size, memory and latency.

    Below them the first less each of the others, paired on their sequences. In JSON the engines alone: `herdbook
    evaluate compare` has the differences.
    """
    from herdbook.learning.evaluation.report import read_report
    from herdbook.learning.evaluation.table import beside, first_less_others

    found = [read_report(path) for path in reports]
    names = [path.parent.name for path in reports]
    below = first_less_others(found, names)  # refuses what cannot stand in one table
    if as_json:
        print_json([one.model_dump(mode="json", exclude={"judgements", "failures", "slices"}) for one in found])
        return
    print_rows([*beside(found, names), *below], as_json=False)


@app.command("runs")
def runs(
    one: Annotated[str, typer.Argument(help="Id of a run in MLflow.")],
    other: Annotated[str, typer.Argument(help="Id of another.")],
    tolerance: Annotated[float, typer.Option(help="Figures that differ by less are the same.", min=0)] = 1e-6,
    as_json: JsonFlag = False,
) -> None:
    """Whether two runs came to the same figures; if not, what differs: code, data, parameters, lock, machine."""
    from herdbook.learning.registry.reproduce import compare_runs
    from herdbook.settings import get_settings

    found = compare_runs(get_settings(), one, other, tolerance=tolerance)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    console.print("Every figure is the same." if found.reproduced else "The figures are not all the same.")
    for title, rows in (("figures", found.figures), ("made from", found.causes)):
        if rows:
            print_rows([row.model_dump() for row in rows], as_json=False, title=title)


def _read(path: Path, name: Format | None, **choice: Any) -> Tracks:
    from herdbook.learning.formats import TrackFormat, read_tracks

    return read_tracks(path, TrackFormat(name) if name else None, **choice)


def _score(truth: Tracks, predicted: Tracks, iou: float) -> MotScore:
    from rich.progress import Progress

    from herdbook.learning.metrics import pair, score

    sequence = pair(truth, predicted)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("frames", total=len(sequence.frames))
        return score(sequence, iou, lambda: progress.advance(task))


def _shown(value: Any) -> str | None:
    return f"{value:.4f}" if isinstance(value, float) else None if value is None else str(value)
