"""Golden sets: given out, annotated, taken back, and nothing of it lost."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from herdbook.contracts.ethogram import load_ethogram
from herdbook.errors import BoxOutsideFrameError, FileFormatError, NotFoundError, UnknownClassError
from herdbook.learning.datasets.build import Inputs, build_dataset
from herdbook.learning.datasets.drawing import drawn
from herdbook.learning.datasets.farm_folder import SimulatorTruth, farm_folders
from herdbook.learning.datasets.given_video import thinned, video_pictures, video_size
from herdbook.learning.datasets.golden import GoldenSet
from herdbook.learning.datasets.plan import DatasetPlan, Split
from herdbook.learning.datasets.reading import Dataset
from herdbook.learning.datasets.sources import gather, resolve
from herdbook.learning.formats.annotations import Annotations, Picture, Shape
from herdbook.learning.formats.packages import AnnotationFormat, open_pictures, read_annotations, write_package
from herdbook.learning.pixels import png_bytes
from herdbook.settings import Settings

PIG9 = load_ethogram("pig-9")
PAIR = Path(__file__).parents[3] / "shared" / "data" / "footage"
PLAN = DatasetPlan(frames=12, every_s=1.0, near=0.0, shares={Split.TRAIN: 0.6, Split.TEST: 0.4})


@pytest.fixture(scope="module")
def dataset(small_farms: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folders = farm_folders(small_farms)
    inputs = Inputs([clip for f in folders for clip in f.clips()], [SimulatorTruth(folders)])
    out = tmp_path_factory.mktemp("golden") / "dataset"
    build_dataset(PLAN, inputs, out)
    return Dataset(out)


def given_out(dataset: Dataset, path: Path, what: AnnotationFormat) -> Annotations:
    annotations, pictures = drawn(dataset, PIG9, "test", 3, labels=True)
    write_package(path, annotations, what, pictures)
    return annotations


@pytest.mark.parametrize("what", [AnnotationFormat.CVAT, AnnotationFormat.COCO])
def test_frames_given_out_find_back_to_their_clips(
    dataset: Dataset, small_farms: Path, tmp_path: Path, what: AnnotationFormat
) -> None:
    settings, path = Settings(home=tmp_path / "home"), tmp_path / "for-annotators.zip"
    annotations = given_out(dataset, path, what)
    site = next(iter(dataset.manifest.counts["site"]))
    golden = GoldenSet(settings, site)
    with open_pictures(path) as pictures:
        done = golden.take(read_annotations(path), pictures, PIG9)
    assert (done.version, done.pictures, done.shapes) == (1, 3, len(annotations.shapes))
    assert [s.box for s in golden.read().shapes] == [s.box for s in annotations.shapes]

    sources = gather(settings, farm=small_farms, golden=[site])
    out = tmp_path / "next"
    build_dataset(PLAN, resolve(settings, sources), out)
    labelled = [frame for frame in Dataset(out).frames() if frame.said["labelled"]]
    wanted = {frame.frame_id for frame in dataset.frames("test")}
    assert len(labelled) == 3
    assert {frame.frame_id for frame in labelled} <= wanted
    assert sum(len(Dataset(out).labels(frame)) for frame in labelled) == len(annotations.shapes)


def test_footage_may_expire_golden_frames_stay(dataset: Dataset, tmp_path: Path) -> None:
    settings, path = Settings(home=tmp_path / "home"), tmp_path / "a.zip"
    given_out(dataset, path, AnnotationFormat.CVAT)
    golden = GoldenSet(settings, "north")
    with open_pictures(path) as pictures:
        golden.take(read_annotations(path), pictures, PIG9)
    plan = PLAN.model_copy(update={"shares": {Split.TRAIN: 1.0}})
    build_dataset(plan, Inputs(golden.clips(), [golden.labels()]), tmp_path / "d")
    assert all(frame.said["labelled"] for frame in Dataset(tmp_path / "d").frames())


def files(folder: Path, *boxes: tuple[float, float, float, float], label: str = "pig") -> Path:
    (folder / "pics").mkdir(parents=True)
    import numpy as np

    (folder / "pics" / "a.png").write_bytes(png_bytes(np.full((40, 60, 3), 7, np.uint8)))
    shapes = tuple(Shape("pics/a.png", label, box, track=str(k)) for k, box in enumerate(boxes))
    said = Annotations("x", (Picture("pics/a.png", 60, 40),), (label,), shapes)
    write_package(folder / "x.json", said, AnnotationFormat.COCO)
    return folder / "x.json"


def test_pictures_from_elsewhere_are_taken_and_go_back_under_their_names(tmp_path: Path) -> None:
    golden = GoldenSet(Settings(home=tmp_path / "home"), "elsewhere")
    file = files(tmp_path, (1, 2, 30, 20))
    with open_pictures(tmp_path) as pictures:
        golden.take(read_annotations(file), pictures, PIG9, day=date(2026, 5, 1))
    assert [p.name for p in golden.given_back().pictures] == ["pics/a.png"]
    assert [clip.day for clip in golden.clips()] == [date(2026, 5, 1)]


def test_an_import_is_a_new_version_and_replaces_its_own_pictures_only(tmp_path: Path) -> None:
    golden = GoldenSet(Settings(home=tmp_path / "home"), "farm")
    for number, boxes in enumerate((((1, 2, 30, 20),), ((5, 5, 10, 10), (20, 20, 10, 10)))):
        file = files(tmp_path / str(number), *boxes)
        with open_pictures(tmp_path / str(number)) as pictures:
            done = golden.take(read_annotations(file), pictures, PIG9)
    assert (done.version, done.replaced) == (2, 1)
    assert len(golden.read(1).shapes) == 1
    assert len(golden.read().shapes) == 2
    with pytest.raises(NotFoundError, match="version 3"):
        golden.read(3)


@pytest.mark.parametrize(
    ("boxes", "label", "error"),
    [
        (((50, 2, 30, 20),), "pig", BoxOutsideFrameError),
        (((1, 2, 30, 20),), "goat", UnknownClassError),
    ],
)
def test_what_is_refused_changes_nothing(
    tmp_path: Path, boxes: tuple[tuple[float, float, float, float], ...], label: str, error: type[Exception]
) -> None:
    golden = GoldenSet(Settings(home=tmp_path / "home"), "farm")
    file = files(tmp_path, *boxes, label=label)
    with open_pictures(tmp_path) as pictures, pytest.raises(error):
        golden.take(read_annotations(file), pictures, PIG9)
    assert not golden.folder.exists()


def test_missing_and_wrong_pictures_are_said(tmp_path: Path) -> None:
    golden = GoldenSet(Settings(home=tmp_path / "home"), "farm")
    said = read_annotations(files(tmp_path, (1, 2, 30, 20)))
    with (
        open_pictures() as pictures,
        pytest.raises(NotFoundError, match=r"1 pictures are not there, first pics/a\.png"),
    ):
        golden.take(said, pictures, PIG9)
    larger = replace(said, pictures=(Picture("pics/a.png", 61, 40),))
    with open_pictures(tmp_path) as pictures, pytest.raises(FileFormatError, match="60 x 40 pixels"):
        golden.take(larger, pictures, PIG9)


@pytest.mark.skipif(not PAIR.is_dir(), reason="needs the reference data in ../shared/data")
def test_a_real_video_with_its_tracks_becomes_a_golden_set(tmp_path: Path) -> None:
    settings, video = Settings(home=tmp_path / "home"), PAIR / "pair.mp4"
    tracks = read_annotations(PAIR / "pair_gt.txt", size=video_size(video))
    tracks = thinned(tracks, 500)
    golden = GoldenSet(settings, "flies")
    with video_pictures(video, [p.name for p in tracks.pictures]) as pictures:
        done = golden.take(tracks, pictures, PIG9)
    assert (done.pictures, done.shapes) == (3, 6)
    back = tmp_path / "back.zip"
    theirs = golden.given_back()
    write_package(back, theirs, AnnotationFormat.CVAT_VIDEO)
    with zipfile.ZipFile(back) as archive:
        assert archive.namelist() == ["annotations.xml"]
    assert [s.box for s in read_annotations(back).shapes] == [
        pytest.approx(s.box) for s in sorted(theirs.shapes, key=lambda s: (s.track or "", s.picture))
    ]
    assert json.loads((golden.folder / "annotations" / "0001.json").read_bytes())["images"][0]["width"] == 1024
