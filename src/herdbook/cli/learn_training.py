"""``herdbook learn teacher | distil | align | substitute | embed | behaviour | export``: the stages that train.

``dvc.yaml`` calls them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herdbook.cli.output import JsonFlag, print_json, print_rows

if TYPE_CHECKING:
    from herdbook.learning.params import Profile
    from herdbook.learning.training.stage import Stage

Dataset = Annotated[Path, typer.Argument(help="A dataset's folder.")]
Out = Annotated[Path, typer.Argument(help="Folder to write; replaced as a whole when the stage ends.")]
Student = Annotated[Path, typer.Option(help="Folder of the trained student.")]
Params = Annotated[Path | None, typer.Option(help="params.yaml to use instead of the shipped one.")]
ProfileName = Annotated[str | None, typer.Option("--profile", help="Profile of params.yaml, for example pocket.")]
Report = Annotated[Path | None, typer.Option(help="Write the figures to this file too, as JSON.")]


def teacher(
    dataset: Dataset,
    out: Out,
    *,
    params: Params = None,
    profile: ProfileName = None,
    report: Report = None,
    as_json: JsonFlag = False,
) -> None:
    """Train a small teacher of SAM 3's classes on labels, or take SAM 3's weights where the parameters name them."""
    from herdbook.learning.training.stages import run_teacher

    with _stage("teacher", out, params, profile) as (stage, chosen):
        figures = run_teacher(stage, chosen, dataset, report)
    _say(figures, out, as_json=as_json)


def distil(
    dataset: Dataset,
    targets: Annotated[Path, typer.Argument(help="Index of the teacher's targets.")],
    out: Out,
    *,
    teacher: Annotated[Path, typer.Option(help="Folder of the teacher.")],
    params: Params = None,
    profile: ProfileName = None,
    report: Report = None,
    as_json: JsonFlag = False,
) -> None:
    """Distil the compact student from labels and from what the teacher says."""
    from herdbook.learning.targets.store import TargetStore
    from herdbook.learning.training.stages import run_distil
    from herdbook.settings import get_settings

    store = TargetStore(get_settings().home / "registry" / "targets")
    with _stage("distil", out, params, profile) as (plain, chosen):
        stage = plain
        if chosen.distil.transplant:
            from herdbook.learning.training.transplant import TransplantStage

            stage = TransplantStage(plain.name, plain.out, plain.progress, store=store, targets=targets)
        figures = run_distil(
            stage, chosen, dataset, targets=targets, teacher_folder=teacher, store=store, report=report
        )
    _say(figures, out, as_json=as_json)


def align(
    dataset: Dataset,
    targets: Annotated[Path, typer.Argument(help="Index of the teacher's targets.")],
    out: Out,
    *,
    teacher: Annotated[Path, typer.Option(help="Folder of the teacher.")],
    params: Params = None,
    profile: ProfileName = None,
    report: Report = None,
    as_json: JsonFlag = False,
) -> None:
    """Train SAM 3's encoder student on what the teacher's backbone says; labels only judge it.

    Printed are the cosine to the teacher's features, and the IoU of the masks that the teacher's own tracker gives for
    points and boxes, from the student's features and (teacher_…) from its own.
    """
    from herdbook.learning.targets.store import TargetStore
    from herdbook.settings import get_settings

    store = TargetStore(get_settings().home / "registry" / "targets")
    with _stage("align", out, params, profile) as (stage, chosen):
        from herdbook.learning.training.align_stages import run_align

        figures = run_align(stage, chosen, dataset, targets=targets, teacher_folder=teacher, store=store, report=report)
    _say(figures, out, as_json=as_json)


def substitute(
    dataset: Dataset,
    out: Out,
    *,
    teacher: Annotated[Path, typer.Option(help="Folder of the teacher.")],
    student: Annotated[
        Path | None, typer.Option(help="Folder of the trained encoder student; the teacher's own backbone if none.")
    ] = None,
    params: Params = None,
    profile: ProfileName = None,
    report: Report = None,
    as_json: JsonFlag = False,
) -> None:
    """Write engine sam3's release folder: the teacher with the student in its backbone's place, and a behaviour head
    trained on what that sees. Without a student, the teacher as it is: to judge both by the same table."""
    with _stage("substitute", out, params, profile) as (stage, chosen):
        from herdbook.learning.training.align_stages import run_substitute

        figures = run_substitute(stage, chosen, dataset, student=student, teacher_folder=teacher, report=report)
    _say(figures, out, as_json=as_json)


def embed(
    dataset: Dataset,
    out: Out,
    *,
    params: Params = None,
    profile: ProfileName = None,
    report: Report = None,
    as_json: JsonFlag = False,
) -> None:
    """Train the embedder that tells animals apart by masked crops."""
    from herdbook.learning.training.stages import run_embed

    with _stage("embed", out, params, profile) as (stage, chosen):
        figures = run_embed(stage, chosen, dataset, report)
    _say(figures, out, as_json=as_json)


def behaviour(
    dataset: Dataset,
    out: Out,
    *,
    student: Student,
    params: Params = None,
    profile: ProfileName = None,
    report: Report = None,
    as_json: JsonFlag = False,
) -> None:
    """Train the behaviour head on what the trained student sees of kept clips."""
    from herdbook.learning.training.stages import run_behaviour

    with _stage("behaviour", out, params, profile) as (stage, chosen):
        figures = run_behaviour(stage, chosen, dataset, student=student, report=report)
    _say(figures, out, as_json=as_json)


def export(
    dataset: Dataset,
    out: Out,
    *,
    student: Student,
    head: Annotated[Path, typer.Option(help="Folder of the trained behaviour head.")],
    params: Params = None,
    profile: ProfileName = None,
    report: Report = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the release folder that devices run: ONNX graphs, in int8 where asked for, and what they are."""
    from herdbook.learning.training.stages import run_export

    with _stage("export", out, params, profile) as (stage, chosen):
        figures = run_export(stage, chosen, dataset, student=student, head=head, report=report)
    _say(figures, out, as_json=as_json)


@contextmanager
def _stage(name: str, out: Path, params: Path | None, profile: str | None) -> Iterator[tuple[Stage, Profile]]:
    from herdbook.cli.progress import steps_bar
    from herdbook.errors import ConfigurationError, MissingDependencyError
    from herdbook.learning.params import load_params
    from herdbook.learning.training.processes import go_on_in, is_first

    try:
        from herdbook.learning.training.stage import Stage
        from herdnet.errors import HerdnetError
    except ImportError as error:
        raise MissingDependencyError(
            f"training needs {error.name}, which is not installed", "pip install 'herdbook[learning,edge]'"
        ) from error
    chosen = load_params(params, profile).chosen
    go_on_in(chosen.processes(name))
    with steps_bar(log=True) if is_first() else nullcontext(_silent) as progress:
        try:
            yield Stage(name, out, progress), chosen
        except HerdnetError as error:
            raise ConfigurationError(f"{name}: {error.message}", error.remedy) from error


def _silent(what: str, done: int, total: int) -> None:
    """What the second process would say is what the first one says."""


def _say(figures: dict[str, float], out: Path, *, as_json: bool) -> None:
    from herdbook.learning.training.processes import is_first

    if not is_first():
        return
    if as_json:
        print_json(figures)
    else:
        rows = [{"figure": name, "value": value} for name, value in sorted(figures.items())]
        print_rows(rows, as_json=False, title=str(out))


COMMANDS: dict[str, Callable[..., None]] = {
    "teacher": teacher,
    "distil": distil,
    "align": align,
    "substitute": substitute,
    "embed": embed,
    "behaviour": behaviour,
    "export": export,
}
