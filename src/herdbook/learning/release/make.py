"""A release, from a version in the registry to a folder that can be signed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from herdbook.contracts.durable import disk_full_is_said, make_folder
from herdbook.contracts.release import Precision
from herdbook.errors import ReleaseNotProvedError
from herdbook.learning.datasets.plan import Split
from herdbook.learning.evaluation.engine_file import read_engine
from herdbook.learning.registry.models import COMPACT, SAM3
from herdbook.learning.release.alerts import alert_rules
from herdbook.learning.release.compact import write_compact
from herdbook.learning.release.document import describe, write_release
from herdbook.learning.release.frames import LEAST, stratified, told
from herdbook.learning.release.made import Asked, Made, Progress
from herdbook.learning.release.materials import Materials, gathered
from herdbook.learning.release.recipes import RecipeBook, load_recipes
from herdbook.learning.release.sam3 import write_sam3
from herdbook.learning.release.version import Chosen, choose
from herdbook.settings import Settings
from herdnet.errors import HerdnetError

ENGINE_OF = {COMPACT: "compact", SAM3: "sam3"}
Writer = Callable[[Path, Materials, Asked, RecipeBook, Progress], Made]


@dataclass(frozen=True)
class Plan:
    """What would be released."""

    chosen: Chosen
    engine: str
    frames: int
    """There are to calibrate on, at most as many as would be used."""
    strata: dict[str, int]
    recipes: tuple[dict[str, object], ...]


def plan_release(
    settings: Settings,
    model: str,
    which: int | str,
    *,
    smallest: Precision = Precision.INT8,
    lab: bool = False,
    dataset: Path | None = None,
    recipes: Path | None = None,
) -> Plan:
    """What `make_release` would release, as far as it can be told without making it; raises what that raises."""
    book, chosen = load_recipes(recipes), choose(settings, model, which, lab=lab)
    with gathered(settings, chosen, dataset) as materials:
        frames = stratified(materials.dataset.frames(Split.TRAIN), max(LEAST, materials.profile.export.calibration))
    engine = ENGINE_OF[model]
    lines = tuple(recipe.model_dump(mode="json") for recipe in book.recipes(engine, smallest))
    return Plan(chosen, engine, len(frames), told(frames).strata if frames else {}, lines)


def make_release(
    settings: Settings,
    model: str,
    which: int | str,
    *,
    smallest: Precision = Precision.INT8,
    lab: bool = False,
    few_frames: bool = False,
    dataset: Path | None = None,
    recipes: Path | None = None,
    alerts: Path | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Path:
    """Make the release of a version; the folder that holds it, named by its release id. Nothing is published.

    The same version, parameters, recipes and libraries give the same release, to the byte.

    Args:
        settings: where registry, ledger and releases are.
        model: of the registry.
        which: number or alias.
        smallest: no network or recipe is of a smaller precision.
        lab: whether a version that was never champion may be released; its release says so in its name.
        few_frames: whether int8 may be calibrated on fewer frames than a site should give.
        dataset: a dataset of the site, instead of the one that the version learned from.
        recipes: of your own; the shipped ones if none.
        alerts: rules of your own; the shipped ones of the ethogram if none.
        progress: told how far it is.

    Raises:
        NotFoundError: there is no such version, or its dataset or weights are not kept.
        ReleaseRefusedError: it may not be released, or there are too few frames.
        ReleaseNotProvedError: what was exported is not what the version says, or too large.
        DiskFullError, RegistryError, WorkspaceError: a store cannot be used.
    """
    book, chosen = load_recipes(recipes), choose(settings, model, which, lab=lab)
    place = make_folder(settings.releases / "made")
    part = Path(mkdtemp(prefix=".part.", dir=place))
    try:
        with gathered(settings, chosen, dataset) as materials, disk_full_is_said(place), network_errors_are_said():
            asked = Asked(smallest, few_frames, book.limits.compact_int8_bytes)
            made = _writers()[ENGINE_OF[model]](part, materials, asked, book, progress)
            use = read_engine(materials.files / "engine.yaml").release
            release = describe(
                part,
                use,
                made,
                recipes=book.recipes(ENGINE_OF[model], smallest, made.shapes),
                provenance=chosen.provenance,
                lab=chosen.lab,
                alerts=alert_rules(use.ethogram_id, alerts),
            )
        part.chmod(0o755)
        return write_release(part, release, place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def network_errors_are_said() -> Iterator[None]:
    """Turn what the networks' package refuses into an error of ours."""
    try:
        yield
    except HerdnetError as error:
        raise ReleaseNotProvedError(error.message, error.remedy) from error


def _writers() -> dict[str, Writer]:
    def compact(folder: Path, materials: Materials, asked: Asked, book: RecipeBook, progress: Progress) -> Made:
        return write_compact(folder, materials, asked, book.steps, progress)

    def sam3(folder: Path, materials: Materials, asked: Asked, book: RecipeBook, progress: Progress) -> Made:
        return write_sam3(folder, materials, book.steps, progress)

    return {"compact": compact, "sam3": sam3}
