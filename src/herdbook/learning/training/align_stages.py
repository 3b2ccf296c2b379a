"""The stages of the SAM 3 path, ``align`` and ``substitute``, as `stages` has those of the compact student."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from herdbook.contracts.camera import Contract
from herdbook.contracts.ethogram import load_ethogram
from herdbook.edge.perception.sam3 import make
from herdbook.errors import EmptyDatasetError, InputError
from herdbook.learning.datasets.manifest import FILE
from herdbook.learning.datasets.plan import Split
from herdbook.learning.datasets.reading import Dataset
from herdbook.learning.evaluation.engine_file import read_engine
from herdbook.learning.params import Profile
from herdbook.learning.targets.compute import read_index
from herdbook.learning.targets.store import TargetStore
from herdbook.learning.targets.teachers import release_of
from herdbook.learning.training import behaviour, pictures
from herdbook.learning.training.align import AlignLearner, AlignTask
from herdbook.learning.training.align_params import AlignParams, SubstituteParams
from herdbook.learning.training.behaviour_windows import Windows, windows_of
from herdbook.learning.training.export import ENGINE, write_weights
from herdbook.learning.training.frames import Frames, load_frames
from herdbook.learning.training.params import BehaviourParams
from herdbook.learning.training.stage import Stage
from herdbook.learning.training.system import blank_head, choose_score, write_system
from herdbook.learning.training.teacher import EXAM_FRAMES
from herdbook.learning.training.weights import load_encoder, save_encoder, weight_files
from herdnet.losses import AlignmentWeights
from herdnet.sam3 import Teacher
from herdnet.sam3_config import vision
from herdnet.sizes import parameters
from herdnet.student import Student, StudentConfig
from herdnet.substitute import substitute


class _Told(Contract):
    substitute: SubstituteParams
    behaviour: BehaviourParams


def run_align(
    stage: Stage,
    profile: Profile,
    dataset: Path,
    *,
    targets: Path,
    teacher_folder: Path,
    store: TargetStore,
    report: Path | None = None,
) -> dict[str, float]:
    """Train the encoder student on the teacher's stored features; set it beside the teacher in the teacher's exam.

    Raises:
        EmptyDatasetError: there is no frame to learn from, or no labelled one to judge by.
        InputError: targets are another teacher's, or not of the frames of this dataset.
    """
    params, data = profile.align, Dataset(dataset)
    recipe, known = read_index(targets)
    training = data.frames(Split.TRAIN)
    if not training:
        raise EmptyDatasetError(f"{dataset} has no frame on the side 'train'", "Change the shares of the split.")
    if not recipe.release.startswith(release_of(teacher_folder)):
        raise InputError(f"{targets} is of another teacher than {teacher_folder}", "Run `herdbook learn targets`.")
    missing = {frame.frame_id for frame in data.frames()} - set(known)
    if missing:
        raise InputError(
            f"{targets} lacks {len(missing)} frames of {dataset}",
            "Compute the targets of this dataset: `herdbook learn targets`.",
        )
    teacher = Teacher.load(teacher_folder)
    figures = {"teacher_parameters": float(parameters(vision(teacher.tracker).backbone))}
    vision(teacher.tracker).backbone = nn.Identity()  # its answers are in the store
    learner = _learner(params, teacher)
    validation = _labelled(stage, data, teacher, EXAM_FRAMES)
    task = AlignTask(learner, teacher, store, recipe, training, validation, params)
    inputs = [dataset / FILE, targets, *weight_files(params.trunk_weights)]
    trained = stage.learn(task, params.schedule, stage.recipe(params, *inputs))
    learned = trained.module
    assert isinstance(learned, AlignLearner)
    system = Teacher(substitute(teacher.tracker, learned.student)).eval()
    figures |= {"parameters": float(parameters(learned.student)), "system_parameters": float(parameters(system))}

    def write(folder: Path) -> None:
        save_encoder(learned.student, folder)
        pictures.aligned(system, task, folder / "pictures")
        pictures.teacher_masks(system, validation, folder / "pictures")

    return stage.put_down(write, trained.figures | task.teacher_figures() | figures, report)


def run_substitute(
    stage: Stage,
    profile: Profile,
    dataset: Path,
    *,
    student: Path | None,
    teacher_folder: Path,
    report: Path | None = None,
) -> dict[str, float]:
    """Write engine ``sam3``'s release folder: the student in the teacher's place, a score, and a behaviour head that
    learns from what this system sees of kept clips. Without a student it is the teacher's own.

    Raises:
        EmptyDatasetError: no clip was kept, or the system saw no animal in them.
    """
    params, data, inputs = profile.substitute, Dataset(dataset), [dataset / FILE, teacher_folder]
    system = Teacher.load(teacher_folder)
    if student is not None:
        system = Teacher(substitute(system.tracker, load_encoder(student)))
        inputs.append(student)
    system = system.eval().to(params.device)
    frames = _labelled(stage, data, system, params.frames)
    stage.progress("choosing the score", 0, 0)
    best, figures = choose_score(system, frames, params)
    score, ethogram = params.score or best, data.manifest.plan.ethogram
    names = tuple(load_ethogram(ethogram).names)
    eyes = stage.working / "eyes"
    write_system(eyes, system, ethogram, params, score=score, head=blank_head(ethogram, profile.behaviour.step_s))
    engine = read_engine(eyes / ENGINE)

    def looked_at(split: Split) -> Windows:
        def say(done: int, total: int) -> None:
            stage.progress(f"looking at {split.value} clips", done, total)

        return windows_of(
            data, split, lambda: make(engine.release, eyes, engine.settings["sam3"]), names, say, at_most=params.clips
        )

    training, validation = looked_at(Split.TRAIN), looked_at(Split.VALIDATION)
    task = behaviour.make_task(profile.behaviour, names, (), training, validation)
    recipe = stage.recipe(_Told(substitute=params, behaviour=profile.behaviour), *inputs)
    trained = stage.learn(task, profile.behaviour.schedule, recipe)
    learner = trained.module
    assert isinstance(learner, behaviour.HeadLearner)
    head, fairness = learner.head, profile.behaviour.fairness
    figures |= {"score": score, "temperature": behaviour.fit_temperature(head, validation)}
    figures |= trained.figures | behaviour.judge_head(head, validation, fairness)

    def write(folder: Path) -> dict[str, float]:
        write_weights(folder, head)
        return write_system(folder, system, ethogram, params, score=score, head=head, fairness=fairness)

    return stage.put_down(write, figures | {"windows": float(len(training))}, report)


def _learner(params: AlignParams, teacher: Teacher) -> AlignLearner:
    """Random weights by the schedule's seed."""
    torch.manual_seed(params.schedule.seed)
    config = StudentConfig(**params.student.model_dump(), grid=teacher.grid, channels=teacher.channels)
    student = Student(config, Path(params.trunk_weights) if params.trunk_weights else None)
    return AlignLearner(student, AlignmentWeights(**params.losses.model_dump()), params.attention)


def _labelled(stage: Stage, data: Dataset, teacher: Teacher, about: int) -> Frames:
    """Labelled frames of the validation side, as the teacher sees them."""

    def say(done: int, total: int) -> None:
        stage.progress("reading validation frames", done, total)

    return load_frames(data, Split.VALIDATION, (teacher.side, teacher.side), say, about=about)
