"""``herdbook learn contest``: challenger and champion evaluated on the same scenes, and judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.errors import ConfigurationError

if TYPE_CHECKING:
    from herdbook.learning.registry.models import Version
    from herdbook.learning.registry.trial import Trial


def contest(
    model: Annotated[str, typer.Argument(help="herdbook-compact or herdbook-sam3.")],
    *,
    scenes: Annotated[
        str, typer.Option(metavar="FOLDER", help="Clips with truth; HERDBOOK_EVALUATION_SCENES if not given.")
    ] = "",
    version: Annotated[
        int | None, typer.Option(help="Number of the version; the challenger if not given.", show_default=False)
    ] = None,
    gates: Annotated[
        Path | None, typer.Option(help="Gates of your own; the shipped ones if not given.", show_default=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Evaluate challenger, champion and motion on the same scenes; say whether the challenger wins, and why.

    It is judged against the champion, or against motion if there is none; all stand in one table, with the challenger's
    differences to each, paired on the same clips.

    Nothing is promoted: `herdbook promote` does that. A challenger that loses is an answer, not an error. Both
    evaluations are kept with their versions; interrupted, the same command goes on.
    """
    from herdbook.cli.progress import steps_bar
    from herdbook.learning.evaluation.scenes import find_scenes
    from herdbook.learning.registry.gates import load_gates
    from herdbook.learning.registry.models import CHALLENGER, CHAMPION, find, require
    from herdbook.learning.registry.trial import hold_trial
    from herdbook.settings import get_settings

    settings = get_settings()
    asked = find(settings, model, CHALLENGER) if version is None else require(settings, model, version)
    champion = find(settings, model, CHAMPION)
    if asked is None or asked == champion:
        said = "there is no challenger" if asked is None else f"version {asked.number} is champion already"
        _print(_unneeded(model, asked, champion, said), as_json=as_json)
        return
    folder = Path(scenes) if scenes else settings.evaluation_scenes
    if folder is None:
        raise ConfigurationError(
            "there are no scenes to judge by",
            "Make some that no dataset is drawn from (`herdbook simulate suite hard-1 FOLDER --split held-out`) and "
            "name them with --scenes or HERDBOOK_EVALUATION_SCENES.",
        )
    found = find_scenes(folder)
    with steps_bar(log=True) as progress:
        trial = hold_trial(
            settings, model, asked.number, load_gates(gates), found, data=folder.absolute().name, progress=progress
        )
    if not as_json:
        from herdbook.cli.promote import check_row
        from herdbook.learning.evaluation.report import read_report
        from herdbook.learning.evaluation.table import beside, first_less_others

        names, reports = list(trial.beside), [read_report(path) for path in trial.beside.values()]
        print_rows([*beside(reports, names), *first_less_others(reports, names)], as_json=False)
        print_rows([check_row(check) for check in trial.contest.verdict.checks], as_json=False)
    _print(_told(trial), as_json=as_json)


def _unneeded(model: str, asked: Version | None, champion: Version | None, said: str) -> dict[str, Any]:
    return {
        "model": model,
        "version": asked.number if asked else None,
        "champion": champion.number if champion else None,
        "passed": False,
        "said": said,
    }


def _told(trial: Trial) -> dict[str, Any]:
    from herdbook.errors import PromotionRefusedError

    contest = trial.contest
    said = "every gate is passed"
    try:
        contest.verdict.require_passed()
    except PromotionRefusedError as error:
        said = error.message
    return {
        "model": contest.version.model,
        "version": contest.version.number,
        "champion": contest.champion.number if contest.champion else None,
        "passed": contest.verdict.passed,
        "said": said,
        "report": trial.report,
        "against": trial.against,
        "beside": dict(trial.beside),
        "verdict": contest.verdict.model_dump(mode="json"),
        "comparison": contest.comparison.model_dump(mode="json"),
    }


def _print(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    against = f"version {told['champion']}" if told["champion"] else "motion, for there is no champion"
    console.print(f"{told['model']} version {told['version']} against {against}: {told['said']}.", soft_wrap=True)
    if told["passed"]:
        console.print(
            f"herdbook promote {told['model']} --version {told['version']} --against {told['against']}", soft_wrap=True
        )
