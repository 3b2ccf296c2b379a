"""Evaluations kept with the version that they are of: the report, its pictures, and its figures among the run's."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import write_durably
from herdbook.errors import InputError, NotFoundError
from herdbook.learning.evaluation.report import Report, read_report
from herdbook.learning.evaluation.table import markdown
from herdbook.learning.registry.models import EVALUATION_TAG, Version
from herdbook.learning.registry.store import open_store, registry_errors_are_said
from herdbook.learning.registry.tracking import resume_run
from herdbook.settings import Settings

CONFUSION = "confusion.png"
BESIDE = "beside.md"
"""A contest's table, where the evaluation was made for one."""


def attach_evaluation(settings: Settings, version: Version, path: Path) -> None:
    """Keep a version's evaluation with its run; the latest is the one that `evaluation_of` gives.

    Args:
        settings: where the registry is.
        version: what was evaluated.
        path: the report; its pictures lie beside it.

    Raises:
        InputError: the report is of another engine.
        RegistryError: the registry cannot be used.
    """
    report = evaluation_for(path, version)
    write_durably(path.parent / CONFUSION, confusion_picture(report))
    write_durably(path.parent / "evaluation.md", markdown(report).encode())
    names = {path.name, "evaluation.md", BESIDE, CONFUSION} | {f.picture for f in report.failures if f.picture}
    run = resume_run(settings, version.run_id)
    place = f"evaluations/{sha256_of(path)[:16]}"
    for name in sorted(names):
        if (path.parent / name).is_file():
            run.file(path.parent / name, place)
    values: dict[str, float | None] = {}
    for name, figure in report.overall.figures.items():
        values |= {f"evaluation/{name}": figure.value, f"evaluation/{name}_low": figure.low}
    run.metrics(values)
    with registry_errors_are_said(settings):
        run.client.set_model_version_tag(version.model, str(version.number), EVALUATION_TAG, f"{place}/{path.name}")


def evaluation_of(settings: Settings, version: Version, folder: Path) -> Path:
    """A version's latest evaluation, fetched into a folder.

    Raises:
        NotFoundError: it has none.
        RegistryError: the registry cannot be used.
    """
    if version.evaluation is None:
        raise NotFoundError(
            f"{version.model} version {version.number} has no evaluation",
            "Name one with --report (or --against for the champion), made with `herdbook learn evaluate`.",
        )
    client = open_store(settings)
    with registry_errors_are_said(settings):
        return Path(client.download_artifacts(version.run_id, version.evaluation, str(folder)))


def evaluation_for(path: Path, version: Version) -> Report:
    """A report, if it is of a version.

    Raises:
        InputError: it is of another engine.
    """
    report = read_report(path)
    if report.engine.digest != version.digest:
        raise InputError(
            f"{path} is not an evaluation of {version.model} version {version.number}",
            "Evaluate the engine that came with that version, or name the right file.",
        )
    return report


def confusion_picture(report: Report) -> bytes:
    """Behaviours, true by predicted, as shares of each true one; PNG. The last column are animals that nobody saw."""
    from matplotlib.figure import Figure

    counts = np.sum([tally["confusion"] for tally in report.tallies], axis=0)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    true, said = report.protocol.classes, (*report.protocol.classes, "not seen")
    figure = Figure(figsize=(1 + 0.7 * len(said), 1 + 0.6 * len(true)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(share, vmin=0, vmax=1, cmap="Blues")
    axes.set_xticks(range(len(said)), said, rotation=45, ha="right")
    axes.set_yticks(range(len(true)), [f"{n} ({c:.0f} s)" for n, c in zip(true, counts.sum(axis=1), strict=True)])
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    for (row, column), value in np.ndenumerate(share):
        if value >= 0.005:
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if value > 0.5 else "black")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    return picture.getvalue()
