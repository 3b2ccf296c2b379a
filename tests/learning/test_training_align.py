"""The SAM 3 path: a student learns what a teacher's backbone says, takes its place, and becomes a release."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from herdbook.cli import app
from herdbook.edge.perception.learned import LearnedEngine
from herdbook.edge.perception.steps import PLACES
from herdbook.errors import EmptyDatasetError, InputError
from herdbook.learning.datasets.plan import Split
from herdbook.learning.datasets.reading import Dataset
from herdbook.learning.evaluation.engine_file import read_engine
from herdbook.learning.targets.compute import read_index
from herdbook.learning.targets.store import TargetStore
from herdbook.learning.training.align import AlignLearner, AlignTask
from herdbook.learning.training.align_params import AlignParams
from herdbook.learning.training.behaviour_windows import Windows
from herdbook.learning.training.frames import load_frames
from herdbook.learning.training.schedule import Schedule
from herdbook.learning.training.teacher import EXAM_FRAMES, exam_rows, examine
from herdbook.learning.training.weights import load_encoder
from herdbook.settings import get_settings
from herdnet.behaviour_features import feature_names
from herdnet.losses import AlignmentWeights
from herdnet.sam3 import Teacher
from herdnet.sam3_config import SmallTeacher, vision
from herdnet.student import Student, StudentConfig
from herdnet.substitute import StudentBackbone

TINY = SmallTeacher(image_size=64, patch_size=8, channels=64, layers=2, window=4)
PARAMS = """
profile: tiny
profiles:
  tiny:
    dataset: {frames: 12}
    teacher: {schedule: {steps: 1}}
    targets: {teacher: data/teacher}
    distil: {schedule: {steps: 1}}
    embed: {schedule: {steps: 1}}
    behaviour: {schedule: {steps: 4, batch: 4, warmup: 1}, window: 4}
    align:
      student: {trunk: mobilenetv3_small_050, image_size: 64, width: 16}
      schedule: {steps: 40, batch: 4, learning_rate: 5.0e-3, warmup: 4, validate_every: 20, checkpoint_every: 10}
    substitute: {frames: 4, clips: 2, points_per_side: 4, score: 0.01}
"""
run = CliRunner()


@pytest.fixture(scope="module")
def made(small_farms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset, a teacher with random weights, and its targets, in a home of their own."""
    folder = tmp_path_factory.mktemp("align")
    (folder / "params.yaml").write_text(PARAMS)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Teacher.small(TINY).save(folder / "teacher")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HERDBOOK_HOME", str(folder / "home"))
        get_settings.cache_clear()
        shares = ("--share", "train=0.6", "--share", "validation=0.4")
        farms = ("--farm", small_farms, "--truth", "simulator", small_farms)
        learn(
            "dataset",
            folder / "dataset",
            *farms,
            "--params",
            folder / "params.yaml",
            "--frames",
            12,
            "--every",
            1,
            *shares,
            "--keep-clips",
        )
        learn(
            "targets",
            folder / "dataset",
            folder / "targets.parquet",
            "--teacher",
            folder / "teacher",
            "--params",
            folder / "params.yaml",
        )
    get_settings.cache_clear()
    return folder


@pytest.fixture(autouse=True)
def _home(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERDBOOK_HOME", str(made / "home"))
    get_settings.cache_clear()


def learn(*arguments: object) -> dict[str, float]:
    done = run.invoke(app, ["learn", *(str(a) for a in arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    said: dict[str, float] = json.loads(done.stdout)
    return said


def align(made: Path, out: Path, *more: object) -> dict[str, float]:
    given = ("--teacher", made / "teacher", "--params", made / "params.yaml", *more)
    return learn("align", made / "dataset", made / "targets.parquet", out, *given)


def task_of(made: Path, **changed: object) -> AlignTask:
    params = AlignParams(schedule=Schedule(steps=4, batch=3), student={"image_size": 64}).model_copy(update=changed)  # type: ignore[arg-type]
    teacher = Teacher.load(made / "teacher")
    config = StudentConfig(trunk="mobilenetv3_small_050", image_size=64, grid=8, channels=64, width=16)
    data = Dataset(made / "dataset")
    return AlignTask(
        AlignLearner(Student(config), AlignmentWeights()),
        teacher,
        TargetStore(made / "home" / "registry" / "targets"),
        read_index(made / "targets.parquet")[0],
        data.frames(Split.TRAIN),
        load_frames(data, Split.VALIDATION, (64, 64)),
        params,
    )


@given(st.integers(1, 2000))
def test_the_exam_of_frames_that_were_read_for_it_is_that_of_the_whole_side(count: int) -> None:
    """`load_frames(about=EXAM_FRAMES)` takes this step too."""
    side = np.arange(count)
    read = side[:: max(1, count // EXAM_FRAMES)]
    assert np.concatenate(list(exam_rows(side))).tolist() == read.tolist()  # type: ignore[arg-type]
    assert np.concatenate(list(exam_rows(read))).tolist() == list(range(len(read)))  # type: ignore[arg-type]


def test_a_batch_depends_on_its_number_alone(made: Path) -> None:
    one, other = task_of(made), task_of(made)
    in_order = [one.arguments(draw) for draw in range(4)]
    for mine, theirs in zip(in_order[2], other.arguments(2), strict=True):
        assert torch.equal(mine, theirs)
    assert in_order[2][0].shape == (3, 3, 64, 64)
    assert in_order[2][1].shape == (3, 64, 8, 8)
    assert [float(progress) for _, _, progress in in_order] == [0, 0.25, 0.5, 0.75]


def test_a_mirrored_frame_has_a_mirrored_target(made: Path) -> None:
    """Of all four ways to turn a frame over, that of its target is the one of its picture."""
    turned, straight = task_of(made), task_of(made, mirrored=False)
    ways: list[list[int]] = [[], [1], [2], [1, 2]]
    seen = set()
    for draw in range(4):
        for image, target, was, wanted in zip(*turned.arguments(draw)[:2], *straight.arguments(draw)[:2], strict=True):
            (way,) = (k for k, axes in enumerate(ways) if torch.equal(image, was.flip(axes)))
            assert torch.equal(target, wanted.flip(ways[way]))
            seen.add(way)
    assert len(seen) > 1


def test_the_teacher_answers_its_exam_from_its_stored_features_as_from_its_own(made: Path) -> None:
    """Frames of this test are squeezed twice on one way and once on the other; beside that the exams are one."""
    task = task_of(made)
    own = examine(task.teacher, task.validation)
    stored = task.teacher_figures()
    assert {f"teacher_{name}" for name in own} | {"mean_cosine"} == set(stored)
    for name, value in own.items():
        assert stored[f"teacher_{name}"] == pytest.approx(value, abs=0.1)
    assert 0 < stored["mean_cosine"] < 1


def test_the_student_learns_and_stands_beside_the_teacher(made: Path, tmp_path: Path) -> None:
    figures = align(made, tmp_path / "student", "--report", tmp_path / "align.json")
    assert figures == pytest.approx(json.loads((tmp_path / "align.json").read_text()))
    before = task_of(made)
    assert figures["cosine"] > before.validate(before.module)["cosine"] + 0.3
    assert {"point_iou", "box_iou", "object_accuracy", "teacher_point_iou", "teacher_box_iou"} <= figures.keys()
    student = load_encoder(tmp_path / "student")
    assert (student.config.grid, student.config.channels) == (8, 64)
    assert figures["parameters"] == sum(p.numel() for p in student.parameters())
    there = {p.name for p in (tmp_path / "student").rglob("*") if p.is_file()}
    assert there == {"student.safetensors", "config.json", "curves.csv", "features.png", "masks.png"}
    header = (tmp_path / "student" / "curves.csv").read_text().splitlines()[0]
    for name in ("loss_direction", "loss_relations", "loss_magnitude", "loss_residual", "validation_cosine"):
        assert name in header
    assert not (tmp_path / ".checkpoints" / "align").exists()


def test_a_term_may_be_left_out_and_attention_be_added() -> None:
    torch.manual_seed(0)
    config = StudentConfig(trunk="mobilenetv3_small_050", image_size=64, grid=4, channels=32, width=16)
    student, images, targets = Student(config).eval(), torch.rand(2, 3, 64, 64), torch.randn(2, 32, 4, 4)
    alone = AlignmentWeights(relations=0, magnitude=0, residual=0)
    losses = AlignLearner(student, alone, attention=2.0)(images, targets, torch.tensor(1.0))
    torch.testing.assert_close(losses["total"], losses["direction"] + 2 * losses["attention"])


@pytest.fixture
def noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """These networks of seconds see no animal: the behaviour head learns from noise."""

    def windows(
        _data: Dataset,
        split: Split,
        make: Callable[[], LearnedEngine],
        names: tuple[str, ...],
        *_: object,
        **__: object,
    ) -> Windows:
        assert make().postures == ()
        chance = torch.Generator().manual_seed(len(split.value))
        features = torch.randn(6, 8, len(feature_names((), tuple(place.value for place in PLACES))), generator=chance)
        labels = torch.randint(len(names), (6, 8), generator=chance)
        return Windows(features, torch.ones(6, 8, dtype=torch.bool), labels)

    monkeypatch.setattr("herdbook.learning.training.align_stages.windows_of", windows)


@pytest.mark.usefixtures("noise")
def test_a_release_of_it_is_opened_and_judged(made: Path, tmp_path: Path) -> None:
    """Through the recorder, as on a device."""
    align(made, tmp_path / "student")
    given = ("--student", tmp_path / "student", "--teacher", made / "teacher", "--params", made / "params.yaml")
    figures = learn("substitute", made / "dataset", tmp_path / "engine", *given)
    engine = read_engine(tmp_path / "engine" / "engine.yaml")
    assert engine.release.engine == "sam3"
    assert engine.release.dimensions == 64
    assert {path.name for path in engine.models} == {
        "network.json",
        "behaviour.onnx",
        "config.json",
        "model.safetensors",
    }
    assert {"moda", "latency_ms", "macro_f1", "windows"} <= figures.keys()
    system = Teacher.load(tmp_path / "engine")
    assert figures["parameters"] == sum(p.numel() for p in system.parameters())
    assert isinstance(vision(system.tracker).backbone, StudentBackbone)
    scenes = made / "dataset"
    report = learn("evaluate", scenes, tmp_path / "report", "--engine", tmp_path / "engine" / "engine.yaml")
    assert report["engine"]["release"]["release_id"] == engine.release.release_id  # type: ignore[index]


@pytest.mark.usefixtures("noise")
def test_without_a_student_the_engine_is_the_teacher_as_it_is(made: Path, tmp_path: Path) -> None:
    given = ("--teacher", made / "teacher", "--params", made / "params.yaml")
    learn("substitute", made / "dataset", tmp_path / "engine", *given)
    teacher, system = Teacher.load(made / "teacher"), Teacher.load(tmp_path / "engine")
    assert not isinstance(vision(system.tracker).backbone, StudentBackbone)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(system.features(image), teacher.features(image))
    assert read_engine(tmp_path / "engine" / "engine.yaml").release.engine == "sam3"


def test_a_teacher_that_sees_nothing_is_named_as_the_reason(made: Path, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(PARAMS.replace("score: 0.01", "score: 0.99"))
    given = ("--teacher", str(made / "teacher"), "--params", str(tmp_path / "params.yaml"))
    done = run.invoke(app, ["learn", "substitute", str(made / "dataset"), str(tmp_path / "engine"), *given])
    assert isinstance(done.exception, EmptyDatasetError)
    assert "none of the labelled animals in 2 clips" in str(done.exception)
    assert "better teacher" in done.exception.remedy
    assert not (tmp_path / "engine").exists()


def test_targets_of_another_teacher_or_of_other_frames_are_refused(
    made: Path, small_farms: Path, tmp_path: Path
) -> None:
    Teacher.small(TINY).save(tmp_path / "other")
    given = ("--teacher", str(tmp_path / "other"), "--params", str(made / "params.yaml"))
    paths = [str(made / "dataset"), str(made / "targets.parquet"), str(tmp_path / "out")]
    done = run.invoke(app, ["learn", "align", *paths, *given])
    assert isinstance(done.exception, InputError)
    assert "another teacher" in str(done.exception)
    farms = ("--farm", small_farms, "--truth", "simulator", small_farms)
    learn(
        "dataset",
        tmp_path / "more",
        *farms,
        "--frames",
        18,
        "--every",
        0.5,
        "--share",
        "train=0.6",
        "--share",
        "validation=0.4",
    )
    given = ("--teacher", str(made / "teacher"), "--params", str(made / "params.yaml"))
    done = run.invoke(app, ["learn", "align", str(tmp_path / "more"), *paths[1:], *given])
    assert isinstance(done.exception, InputError)
    assert "lacks" in str(done.exception)
    assert not (tmp_path / "out").exists()
