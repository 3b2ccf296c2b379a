"""Datasets built from real pixels: what is chosen, what is labelled, what is frozen."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from herdbook.errors import (
    ConfigurationError,
    EmptyDatasetError,
    FileFormatError,
    NotFoundError,
    SplitImpossibleError,
    UnknownClassError,
)
from herdbook.learning.datasets.build import Inputs, build_dataset
from herdbook.learning.datasets.candidates import read_disagreement
from herdbook.learning.datasets.farm_folder import SimulatorTruth, farm_folders
from herdbook.learning.datasets.labels import AnnotatedFrames, picture_name
from herdbook.learning.datasets.look import Light, Seen, light_of, look_at
from herdbook.learning.datasets.plan import DatasetPlan, LightPlan, Split
from herdbook.learning.datasets.reading import Dataset
from herdbook.learning.datasets.sources import gather, resolve
from herdbook.learning.datasets.video import index_frames, read_frames, spaced
from herdbook.learning.formats.annotations import PERSON, Annotations, Picture, Shape
from herdbook.settings import Settings

PLAN = DatasetPlan(frames=30, every_s=0.5, near=0.0, shares={Split.TRAIN: 0.6, Split.VALIDATION: 0.2, Split.TEST: 0.2})


@pytest.fixture(scope="module")
def inputs(small_farms: Path) -> Inputs:
    folders = farm_folders(small_farms)
    clips = [clip for folder in folders for clip in folder.clips()]
    return Inputs(clips, [SimulatorTruth(folders)])


@pytest.fixture(scope="module")
def built(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    out = tmp_path_factory.mktemp("built") / "dataset"
    build_dataset(PLAN.model_copy(update={"keep_clips": True}), inputs, out)
    return Dataset(out)


def test_frames_come_evenly_and_sides_share_no_farm_day_or_animal(built: Dataset) -> None:
    rows = built.table("frames").to_pylist()
    assert len(rows) == 30
    assert built.manifest.counts["split"] == {"test": 6, "train": 18, "validation": 6}
    cameras = built.manifest.counts["camera_id"]
    assert max(cameras.values()) - min(cameras.values()) <= 12  # two cameras a farm; sides differ in size
    sites: dict[str, set[str]] = {}
    for row in rows:
        sites.setdefault(row["site"], set()).add(row["split"])
    assert all(len(sides) == 1 for sides in sites.values())


def test_labels_are_the_truth_of_the_very_frame(built: Dataset, inputs: Inputs) -> None:
    truth = inputs.labels[0]
    clips = {clip.key: clip for clip in inputs.clips}
    for frame in built.frames()[:6]:
        clip = clips[frame.said["device_id"], frame.said["day"], frame.said["clip"]]
        number = frame.said["frame"]
        ((_, image),) = read_frames(clip.path, index_frames(clip.path), {number})
        assert (frame.image() == image).all()
        said = (truth.of_clip(clip, [number]) or {})[number]
        found = built.labels(frame)
        assert {s.track: s.attribute("behaviour") for s in found} == {s.track: s.attribute("behaviour") for s in said}
        for shape in found:
            assert shape.mask is not None
            assert shape.mask.bounds() == pytest.approx(shape.box, abs=1.01)


def test_kept_clips_have_labels_for_every_frame(built: Dataset) -> None:
    clips = list(built.sequences(Split.TRAIN))
    assert len(clips) == 8
    for clip, rows in clips:
        assert (built.folder / clip["file"]).is_file()
        assert set(rows["frame"].to_pylist()) == set(range(1, 13))


def test_the_same_plan_and_sources_give_the_same_dataset(inputs: Inputs, built: Dataset, tmp_path: Path) -> None:
    again = build_dataset(built.manifest.plan, inputs, tmp_path / "again")
    assert again.sha256 == built.manifest.sha256
    other = built.manifest.plan.model_copy(update={"seed": 7})
    assert build_dataset(other, inputs, tmp_path / "other").sha256 != again.sha256


def test_a_folder_with_another_dataset_is_left_alone(inputs: Inputs, built: Dataset) -> None:
    assert build_dataset(built.manifest.plan, inputs, built.folder) == built.manifest
    with pytest.raises(ConfigurationError, match="holds another dataset"):
        build_dataset(PLAN, inputs, built.folder)


def test_truth_is_never_taken_unless_asked_for(inputs: Inputs, tmp_path: Path) -> None:
    build_dataset(PLAN, replace(inputs, labels=()), tmp_path / "d")
    dataset = Dataset(tmp_path / "d")
    assert dataset.table("labels").num_rows == 0
    assert not any(frame.said["labelled"] for frame in dataset.frames())
    assert dataset.manifest.counts["crowding"] == {"unknown": 30}


def test_the_quota_of_bytes_holds_and_cuts_all_sides_alike(inputs: Inputs, built: Dataset, tmp_path: Path) -> None:
    quota = built.manifest.counts["bytes"] // 2
    made = build_dataset(PLAN.model_copy(update={"bytes": quota}), inputs, tmp_path / "d")
    assert made.counts["bytes"] <= quota
    assert set(made.counts["split"]) == {"train", "validation", "test"}
    assert made.left_out["frames over the quota of bytes"] > 0


def test_near_duplicates_are_passed_over(inputs: Inputs, tmp_path: Path) -> None:
    plan = PLAN.model_copy(update={"frames": 10_000, "near": 0.0})
    everything = build_dataset(plan, inputs, tmp_path / "all").counts["frames"]
    assert build_dataset(plan.model_copy(update={"near": 0.02}), inputs, tmp_path / "few").counts["frames"] < everything


def test_frames_of_disagreement_come_first(inputs: Inputs, tmp_path: Path) -> None:
    clip = inputs.clips[0]
    table = tmp_path / "differs.csv"
    table.write_text(
        f"device_id,day,clip,frame,disagreement\n{clip.device_id},{clip.day},{clip.name},2,0.9\n"
        f"{clip.device_id},{clip.day},{clip.name},3,0.01\n"
    )
    known = read_disagreement(table)
    plan = PLAN.model_copy(update={"frames": 12})
    build_dataset(plan, replace(inputs, disagreement=known), tmp_path / "d")
    rows = {(r["clip"], r["frame"]): r for r in Dataset(tmp_path / "d").table("frames").to_pylist()}
    assert rows[clip.name, 2]["disagreement"] == pytest.approx(0.9)


@pytest.mark.parametrize("value", ["1.2", "nan", "-0.1"])
def test_disagreement_beyond_its_range_is_said(tmp_path: Path, value: str) -> None:
    table = tmp_path / "differs.csv"
    table.write_text(f"device_id,day,clip,frame,disagreement\nd,2026-01-01,c.mp4,2,{value}\n")
    with pytest.raises(FileFormatError, match="not within"):
        read_disagreement(table)


def test_people_are_blanked_before_anything_is_stored_and_unexamined_frames_left_out(
    inputs: Inputs, tmp_path: Path
) -> None:
    clips = inputs.clips
    names = [picture_name(c.device_id, c.day, c.name, 1) for c in clips]
    pictures = tuple(Picture(name, 160, 120) for name in names)
    person = Shape(names[0], PERSON, (20.0, 30.0, 40.0, 50.0))
    examined = AnnotatedFrames(Annotations("people", pictures, (PERSON,), (person,)), "people")
    plan = PLAN.model_copy(update={"mask_people": True})
    made = build_dataset(plan, Inputs(clips, [], [examined]), tmp_path / "d")
    assert made.left_out["frames that nobody examined for people"] > 0
    dataset = Dataset(tmp_path / "d")
    assert {frame.said["frame"] for frame in dataset.frames()} == {1}
    (masked,) = [f for f in dataset.frames() if f.said["people_blanked"]]
    assert not masked.image()[30:80, 20:60].any()
    assert masked.image()[:20].any()


def test_nothing_to_learn_from_is_an_error_and_nothing_is_written(inputs: Inputs, tmp_path: Path) -> None:
    with pytest.raises(EmptyDatasetError, match="no footage"):
        build_dataset(PLAN, Inputs([]), tmp_path / "d")
    plan = PLAN.model_copy(update={"mask_people": True})
    with pytest.raises(EmptyDatasetError, match="nobody examined"):
        build_dataset(plan, replace(inputs, labels=()), tmp_path / "d")
    with pytest.raises(EmptyDatasetError, match="quota"):
        build_dataset(PLAN.model_copy(update={"bytes": 10}), inputs, tmp_path / "d")
    with pytest.raises(SplitImpossibleError):
        build_dataset(PLAN, replace(inputs, clips=[c for c in inputs.clips if c.site == "north"]), tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_a_class_that_the_ethogram_does_not_know_is_refused(inputs: Inputs, tmp_path: Path) -> None:
    with pytest.raises(UnknownClassError, match="pig"):
        build_dataset(PLAN.model_copy(update={"ethogram": "calf-8"}), inputs, tmp_path / "d")


def test_a_clip_that_does_not_decode_is_left_out_and_said(inputs: Inputs, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(inputs.clips[0].path.read_bytes()[:200])
    clips = [replace(inputs.clips[0], path=broken), *inputs.clips[1:]]
    made = build_dataset(PLAN, replace(inputs, labels=(), clips=clips), tmp_path / "d")
    assert made.left_out["clips that do not decode"] == 1


def test_an_altered_dataset_is_noticed(built: Dataset, tmp_path: Path) -> None:
    copy = shutil.copytree(built.folder, tmp_path / "copy")
    one, other = Dataset(copy).frames()[:2]
    shutil.copy(other.path, one.path)
    with pytest.raises(FileFormatError, match="altered"):
        one.image()
    (copy / "labels.parquet").write_bytes(b"PAR1")
    with pytest.raises(FileFormatError, match="not what was frozen"):
        Dataset(copy)


def test_sources_are_found_again_by_content(small_farms: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    sources = gather(settings, farm=small_farms, simulator_truth=small_farms, sites=["north"])
    assert len(resolve(settings, sources).clips) == len(sources.clips) == 8
    altered = sources.model_copy(update={"clips": {**sources.clips, next(iter(sources.clips)): "0" * 64}})
    with pytest.raises(NotFoundError, match="1 of 8 clips are gone or altered"):
        resolve(settings, altered)


def test_key_frames_and_spaced_frames_are_those_that_are_decoded(inputs: Inputs) -> None:
    path = inputs.clips[0].path
    index = index_frames(path)
    assert (len(index.stamps), index.keys) == (12, [1])
    assert spaced(index, None) == [1]
    assert spaced(index, 1.0) == [1, 5, 9]
    every = dict(read_frames(path, index, set(index.stamps)))
    assert list(every) == list(range(1, 13))
    ((number, image),) = read_frames(path, index, {5})
    assert number == 5
    assert (image == every[5]).all()


def test_light_is_told_from_pixels() -> None:
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (120, 160, 3)).astype(np.uint8)
    colours[..., 2] //= 2
    grey = np.repeat(colours[..., :1], 3, axis=2)
    plan = LightPlan()
    assert light_of(look_at(colours), plan) is Light.DAY
    assert light_of(look_at(grey), plan) is Light.NIGHT  # infrared
    assert light_of(look_at(colours // 2), plan) is Light.DIM
    assert light_of(look_at(colours // 8), plan) is Light.NIGHT


def test_a_frame_is_near_another_when_few_cells_changed() -> None:
    floor = np.full((360, 480, 3), 90, np.uint8)
    noisy = (floor + np.random.default_rng(0).normal(0, 4, floor.shape)).astype(np.uint8)
    moved = floor.copy()
    moved[100:160, 200:280] = 180
    seen = Seen(near=0.004, step=6.0)
    seen.add(look_at(floor))
    assert seen.is_near(look_at(noisy))
    assert not seen.is_near(look_at(moved))
