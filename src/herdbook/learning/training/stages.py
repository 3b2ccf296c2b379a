"""The stages of ``dvc.yaml`` that train: each reads folders, learns, and puts one folder down."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from herdbook.contracts.ethogram import load_ethogram
from herdbook.edge.perception.parameters import LearnedParameters
from herdbook.errors import InputError
from herdbook.learning.datasets.manifest import FILE
from herdbook.learning.datasets.plan import Split
from herdbook.learning.datasets.reading import Dataset
from herdbook.learning.params import Profile
from herdbook.learning.targets.compute import read_index
from herdbook.learning.targets.store import TargetStore
from herdbook.learning.training import behaviour, distil, embed, export, pictures, sight, teacher
from herdbook.learning.training.behaviour_windows import Windows, windows_of
from herdbook.learning.training.frames import Frames, load_frames
from herdbook.learning.training.stage import Stage
from herdbook.learning.training.teaching import Teaching
from herdbook.learning.training.weights import (
    load_head,
    load_student,
    save_embedder,
    save_head,
    save_student,
    weight_files,
)
from herdnet.compact import count
from herdnet.sam3 import Teacher


def run_teacher(stage: Stage, profile: Profile, dataset: Path, report: Path | None = None) -> dict[str, float]:
    """Train a small teacher on labels, or take SAM 3's weights where the parameters name them."""
    params = profile.teacher
    if params.weights is not None:
        loaded = Teacher.load(Path(params.weights))
        figures = {"parameters": float(sum(p.numel() for p in loaded.parameters()))}
        return stage.put_down(loaded.save, figures, report)
    data = Dataset(dataset)
    size = (params.size.image_size, params.size.image_size)
    training, validation = _sides(stage, data, size)
    task, recipe = teacher.make_task(params, training, validation), stage.recipe(params, dataset / FILE)
    before: dict[str, float] = {}
    if params.sight is not None:
        seeing = sight.make_task(params.sight, params.augmentation, task.module.teacher, training, validation)
        seen = stage.learn(seeing, params.sight, recipe, "sight")
        task.module.teacher.load_state_dict(seen.module.get_submodule("teacher").state_dict())
        before = {f"sight_{name}": value for name, value in seen.figures.items()}
    trained = stage.learn(task, params.schedule, recipe)
    learned = trained.module.teacher
    assert isinstance(learned, Teacher)

    def write(folder: Path) -> None:
        learned.save(folder)
        pictures.teacher_masks(learned, validation, folder / "pictures")

    figures = before | trained.figures | {"parameters": float(sum(p.numel() for p in learned.parameters()))}
    return stage.put_down(write, figures, report)


def run_distil(
    stage: Stage,
    profile: Profile,
    dataset: Path,
    *,
    targets: Path,
    teacher_folder: Path,
    store: TargetStore,
    report: Path | None = None,
) -> dict[str, float]:
    """Distil the compact student from labels and from what the teacher says.

    Raises:
        InputError: targets are not of the frames of this dataset.
    """
    params, data = profile.distil, Dataset(dataset)
    size = params.student.image_size
    training, validation = _sides(stage, data, size)
    losses, teaching = params.losses, None
    if losses.feature or losses.soft_bce or losses.soft_dice:
        recipe, known = read_index(targets)
        missing = set(training.ids) - set(known)
        if missing:
            raise InputError(
                f"{targets} lacks {len(missing)} of the frames that are learned from",
                "Compute the targets of this dataset: `herdbook learn targets`.",
            )
        masks = (size[0] // 4, size[1] // 4)
        teaching = Teaching(Teacher.load(teacher_folder), store, recipe, training, masks)
    names = load_ethogram(data.manifest.plan.ethogram).names
    task = distil.make_task(params, tuple(names), training, validation, teaching=teaching)
    trained = stage.learn(
        task, params.schedule, stage.recipe(params, dataset / FILE, targets, *weight_files(params.trunk_weights))
    )
    learner = trained.module
    assert isinstance(learner, distil.CompactLearner)

    def write(folder: Path) -> None:
        save_student(learner.student, folder)
        pictures.student_masks(learner.student, validation, folder / "pictures")
        if learner.adapter is not None and teaching is not None:
            pictures.features(learner, teaching, folder / "pictures")

    return stage.put_down(write, trained.figures | {"parameters": float(count(learner.student))}, report)


def run_embed(stage: Stage, profile: Profile, dataset: Path, report: Path | None = None) -> dict[str, float]:
    """Train the embedder on masked crops of known animals."""
    params, data = profile.embed, Dataset(dataset)
    training, validation = _sides(stage, data, params.image_size)
    task = embed.make_task(params, training, validation)
    trained = stage.learn(task, params.schedule, stage.recipe(params, dataset / FILE))
    learner = trained.module
    assert isinstance(learner, embed.EmbedLearner)
    return stage.put_down(lambda folder: save_embedder(learner.embedder, folder), trained.figures, report)


def run_behaviour(
    stage: Stage, profile: Profile, dataset: Path, *, student: Path, report: Path | None = None
) -> dict[str, float]:
    """Train the behaviour head on what the trained student sees of kept clips."""
    from herdbook.edge.perception.compact import make
    from herdbook.learning.evaluation.engine_file import read_engine

    params, data = profile.behaviour, Dataset(dataset)
    network, ethogram = load_student(student), data.manifest.plan.ethogram
    names = tuple(load_ethogram(ethogram).names)
    validation_frames = load_frames(data, Split.VALIDATION, network.config.image_size)
    rules, _ = export.choose_rules(network, validation_frames)
    eyes = stage.working / "eyes"
    eyes.mkdir(parents=True, exist_ok=True)
    exporting = profile.export.model_copy(update={"precision": "float32"})
    export.write_engine(eyes, network, ethogram, exporting, rules=rules)
    release = read_engine(eyes / export.ENGINE).release

    def looked_at(split: Split) -> Windows:
        def say(done: int, total: int) -> None:
            stage.progress(f"looking at {split.value} clips", done, total)

        engine = partial(make, release, eyes, LearnedParameters())
        return windows_of(data, split, engine, names, say, at_most=params.clips)

    training, validation = looked_at(Split.TRAIN), looked_at(Split.VALIDATION)
    task = behaviour.make_task(params, names, network.config.postures, training, validation)
    trained = stage.learn(task, params.schedule, stage.recipe(params, dataset / FILE, student))
    learner = trained.module
    assert isinstance(learner, behaviour.HeadLearner)
    temperature = behaviour.fit_temperature(learner.head, validation)
    figures = trained.figures | behaviour.judge_head(learner.head, validation, params.fairness)
    figures |= {"temperature": temperature, "windows": float(len(training))}
    return stage.put_down(lambda folder: save_head(learner.head, folder), figures, report)


def run_export(
    stage: Stage, profile: Profile, dataset: Path, *, student: Path, head: Path, report: Path | None = None
) -> dict[str, float]:
    """Write the release folder."""
    params, data = profile.export, Dataset(dataset)
    network = load_student(student)
    size = network.config.image_size
    training, validation = _sides(stage, data, size)
    rules, moda = export.choose_rules(network, validation, params.score)
    figures: dict[str, float] = {"score": rules.score, "edge": rules.edge, "moda": moda}

    trained = load_head(head)

    def write(folder: Path) -> dict[str, float]:
        export.write_weights(folder, trained, network)
        return export.write_engine(
            folder,
            network,
            data.manifest.plan.ethogram,
            params,
            rules=rules,
            calibration=training,
            head=trained,
            fairness=profile.behaviour.fairness,
        )

    return stage.put_down(write, figures, report)


def _sides(stage: Stage, data: Dataset, size: tuple[int, int]) -> tuple[Frames, Frames]:
    def reading(split: Split) -> Frames:
        return load_frames(
            data, split, size, lambda done, total: stage.progress(f"reading {split.value} frames", done, total)
        )

    return reading(Split.TRAIN), reading(Split.VALIDATION)
