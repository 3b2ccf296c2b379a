"""Suites are fixed lists of farms whose splits share nothing, and what is frozen stays so."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from herdbook.errors import ConfigurationError, NotFoundError
from herdbook.simulate.design import design_farm
from herdbook.simulate.device_days import visit
from herdbook.simulate.footage import camera_renderer
from herdbook.simulate.plan import FarmPlan
from herdbook.simulate.stage.plan import MAX_SEVERITY, Condition, Floor, Shot
from herdbook.simulate.suite import LoadedSuite, Split, load_suite
from herdbook.simulate.suite_run import simulate_suite, suite_frames

pytest.importorskip("cv2", reason="drawing needs the extra 'edge'")

# Figures were published on these farms. Whoever changes the file, or the code so that other animals or lives come of
# it, makes a new suite under a new name and leaves this one's farms as they are.
WIDE_1 = "15bc58b5e906bc1b24a0f03f939fa76e178b21b337c756c212240321e1651031"
HARD_1 = "9af9a2e057f423ee0e8b53fcbee82312970937b6bd1a8ad63171c1b8266ff676"
HARD_1_FARMS = "e0f9f65562b5a3a76164802cab4fb9335ddce19e2684492e53a20ac04a7116ac"
HARD_1_LIFE = "ee3f2f68d86136a2c3b7498ec03ae93d6f6f46cfd73138fdb44dca3beb318f0d"

TINY = """
suite_id: tiny
fps: 2
clip_seconds: 2
farms:
  - {farm_id: one, split: train, seed: 1, start_day: 2025-01-01, days: 1, animals: 2, width: 160, height: 120,
     stage: {space_m2: 2, shots: [{at: "08:00"}, {at: "09:00", haze: 2}]}}
  - {farm_id: two, split: held-out, seed: 2, start_day: 2025-01-02, days: 2, animals: 2, width: 160, height: 120,
     stage: {space_m2: 2, visit_every_days: 7, shots: [{at: "08:00", night: 3}]}}
  - {farm_id: three, split: second-species, seed: 3, start_day: 2025-01-03, days: 1, animals: 2, width: 160,
     height: 120, stage: {species: calf, space_m2: 3, shots: [{at: "08:00"}]}}
severity: {farms: [two], shots: ["08:00"], clip_seconds: 2}
"""


@pytest.fixture(scope="module")
def hard() -> LoadedSuite:
    return load_suite("hard-1")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("suite") / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def written(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("suite") / "out"
    frames: list[int] = []
    done = simulate_suite(load_suite(str(tiny)), out, progress=frames.append)
    assert sum(frames) == suite_frames(load_suite(str(tiny))) == sum(day.frames for day in done)
    return out


def _tree(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _life(plan: FarmPlan) -> list[tuple[str, int, int, str]]:
    """Bouts of a farm's first visit, to the second."""
    farm = design_farm(plan)
    day = visit(farm, farm.pens[0], plan.start_day)
    return [(b.animal_id, round(b.started - day.start), round(b.ended - day.start), b.behaviour) for b in day.bouts]


def test_hard_1_is_frozen(hard: LoadedSuite) -> None:
    assert hard.sha256 == HARD_1, "hard-1 is frozen: make hard-2"


def test_the_farms_of_hard_1_are_frozen(hard: LoadedSuite) -> None:
    """Layouts, cameras, animals and coats: all that is drawn before anything lives."""
    assert _sha256([design_farm(s.plan).model_dump(mode="json") for s in hard.suite.scenes()]) == HARD_1_FARMS


def test_the_lives_of_hard_1_are_frozen(hard: LoadedSuite) -> None:
    holm = next(s.plan for s in hard.suite.scenes(Split.HELD_OUT) if s.plan.farm_id == "holm")
    assert _sha256(_life(holm)) == HARD_1_LIFE


def test_no_farm_seed_day_or_animal_is_in_two_splits(hard: LoadedSuite) -> None:
    splits: dict[str, set[Split]] = defaultdict(set)
    for scene in hard.suite.scenes():
        split = Split.HELD_OUT if scene.split is Split.SEVERITY else scene.split
        farm = design_farm(scene.plan)
        things = [f"farm {scene.plan.farm_id}", f"seed {scene.plan.seed}", *(a.animal_id for a in farm.animals)]
        for thing in [*things, *map(str, scene.plan.simulated_days())]:
            splits[thing].add(split)
    assert len(splits) > 100
    assert all(len(found) == 1 for found in splits.values())


def test_hard_1_has_enough_farms_and_holds_a_floor_and_a_lens_out(hard: LoadedSuite) -> None:
    stages = {split: [s.plan.stage for s in hard.suite.scenes(split)] for split in Split if split is not Split.SEVERITY}
    counts = {split: len(found) for split, found in stages.items()}
    assert counts[Split.TRAIN] >= 4
    assert counts[Split.VALIDATION] >= 2
    assert counts[Split.HELD_OUT] >= 4
    known = [*stages[Split.TRAIN], *stages[Split.VALIDATION]]
    assert Floor.RUBBER in {s.floor for s in stages[Split.HELD_OUT]} - {s.floor for s in known}
    assert min(s.mount.distortion for s in stages[Split.HELD_OUT]) < min(s.mount.distortion for s in known)
    assert {s.species for s in stages[Split.SECOND_SPECIES]} == {"calf"}
    assert {s.species for split in (Split.TRAIN, Split.VALIDATION, Split.HELD_OUT) for s in stages[split]} == {"pig"}
    shown = [shot for split in (Split.TRAIN, Split.HELD_OUT) for s in stages[split] for shot in s.shots]
    assert all(any(shot.severity(condition) for shot in shown) for condition in Condition)


def test_hard_1_grades_every_condition_on_the_same_held_out_scenes(hard: LoadedSuite) -> None:
    grades: dict[str, set[str]] = defaultdict(set)
    for scene in hard.suite.scenes(Split.SEVERITY):
        _, farm, name = scene.folder.split("/")
        grades[farm].add(name)
        (shot,) = {Shot(at=hard.suite.severity.shots[0], **_conditions(s)) for s in scene.plan.stage.shots}
        assert name == next((f"{c}-{s}" for c, s in _conditions(shot).items()), "clear-0")
    expected = {"clear-0"} | {f"{c}-{s}" for c in Condition for s in range(1, MAX_SEVERITY + 1)}
    assert set(grades) == set(hard.suite.severity.farms)
    assert all(found == expected for found in grades.values())


def _conditions(shot: Shot) -> dict[str, int]:
    return {c.value: shot.severity(c) for c in Condition if shot.severity(c)}


def test_animals_touch_in_a_fifth_of_the_frames_and_more(hard: LoadedSuite) -> None:
    """One held-out farm on its second visit; the published figure is over all frames."""
    plan = next(s.plan for s in hard.suite.scenes(Split.HELD_OUT) if s.plan.farm_id == "pine")
    farm, day = design_farm(plan), plan.simulated_days()[1]
    life = visit(farm, farm.pens[0], day)
    renderer = camera_renderer(farm, farm.cameras[0], day)
    touching = []
    for start in plan.clip_starts(day):
        times = start.timestamp() + np.arange(0, plan.clip_seconds, 6.0)
        frames = renderer.film(life, times, plan.shot_at(start), np.ones(len(times)), np.random.default_rng(0))
        touching += [frame.seen.touches.max() > 0 for frame in frames]
    assert np.mean(touching) >= 0.2


def test_an_index_lists_every_clip_that_is_there(written: Path) -> None:
    index = json.loads((written / "index.json").read_text())
    assert (index["suite_id"], len(index["sha256"])) == ("tiny", 64)
    assert [s["folder"] for s in index["scenes"]][:3] == ["train/one", "held-out/two", "second-species/three"]
    listed = {
        f"{s['folder']}/devices/{c['device_id']}/footage/{c['camera_id']}/{c['clip']}"
        for s in index["scenes"]
        for c in s["clips"]
    }
    assert listed == {str(p.relative_to(written)) for p in written.rglob("*.mp4")}
    said = {s["folder"]: s for s in index["scenes"]}
    assert said["train/one"]["clips"][1]["conditions"] == {"haze": 2}
    assert [c["day"] for c in said["held-out/two"]["clips"]] == ["2025-01-02", "2025-01-09"]
    assert (said["second-species/three"]["species"], said["second-species/three"]["ethogram_id"]) == ("calf", "calf-8")
    assert said["severity/two/glare-4"]["clips"][0]["conditions"] == {"glare": 4}


def test_severities_show_the_same_scene(written: Path) -> None:
    boxes = [pq.read_table(p) for p in sorted(written.glob("severity/two/*/truth/*/*/boxes.parquet"))]
    assert len(boxes) == 1 + MAX_SEVERITY * len(Condition)
    assert all(table.equals(boxes[0]) for table in boxes)
    clips = {hashlib.sha256(p.read_bytes()).hexdigest() for p in written.glob("severity/two/*/devices/*/*/*/*.mp4")}
    assert len(clips) == len(boxes)


def test_jobs_and_interruptions_change_no_byte(tiny: Path, written: Path, tmp_path: Path) -> None:
    drawn = 0

    def interrupt(frames: int) -> None:
        nonlocal drawn
        drawn += frames
        if drawn > 4:  # inside the first farm
            raise KeyboardInterrupt

    loaded, out = load_suite(str(tiny)), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        simulate_suite(loaded, out, progress=interrupt)
    simulate_suite(loaded, out, (Split.TRAIN, Split.HELD_OUT, Split.SECOND_SPECIES), jobs=2)
    assert not (out / "severity").exists()
    simulate_suite(loaded, out)
    assert _tree(out) == _tree(written)


def test_wide_1_is_frozen_for_training_only_and_shares_nothing_with_hard_1(hard: LoadedSuite) -> None:
    wide = load_suite("wide-1")
    assert wide.sha256 == WIDE_1, "wide-1 is frozen: make wide-2"
    farms, others = wide.suite.farms, hard.suite.farms
    assert {farm.split for farm in farms} == {Split.TRAIN}
    for what in ("farm_id", "seed"):
        assert not {getattr(f, what) for f in farms} & {getattr(f, what) for f in others}
    assert not any(farm.stage.floor is Floor.RUBBER for farm in farms)
    assert all(farm.stage.mount.distortion >= -0.2 and farm.width >= 400 for farm in farms)
    assert not list(wide.suite.scenes(Split.SEVERITY))


def test_another_suite_is_not_mixed_in(written: Path) -> None:
    with pytest.raises(ConfigurationError, match="another suite"):
        simulate_suite(load_suite("hard-1"), written, (Split.TRAIN,))


def test_the_command_line_simulates_a_split(tiny: Path, tmp_path: Path) -> None:
    def herdbook(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "herdbook", "simulate", "suite", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = herdbook(str(tiny), str(tmp_path / "out"), "--split", "train", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["suite"], said["clips"], said["frames"]) == ("tiny", 2, 8)
    assert [p.name for p in (tmp_path / "out").iterdir() if p.is_dir()] == ["train"]
    wrong = herdbook(str(tiny), str(tmp_path / "out"), "--split", "test")
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr


def test_an_unknown_suite_says_which_there_are() -> None:
    with pytest.raises(NotFoundError) as caught:
        load_suite("hard-99")
    assert "hard-1" in caught.value.remedy


def _shots(suite: dict, *starts: str) -> None:
    suite["farms"][0]["stage"]["shots"] = [{"at": at} for at in starts]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s["farms"][1].update(seed=1), "same seed"),
        (lambda s: s["farms"][1].update(farm_id="one"), "same farm_id"),
        (lambda s: s["farms"][1].update(start_day="2024-12-25"), "a day is in two splits"),
        (lambda s: s["severity"].update(farms=["one"]), "held out"),
        (lambda s: s["farms"][0].update(split="severity"), "under severity"),
        (lambda s: s["farms"][0]["stage"].update(floor="lava"), "concrete"),
        (lambda s: s.update(clip_seconds=120) or _shots(s, "08:00", "08:01"), "overlap"),
        (lambda s: s.update(extra=1), "Extra"),
    ],
)  # fmt: skip
def test_a_suite_whose_splits_share_something_is_refused(tmp_path: Path, change, message: str) -> None:
    document = yaml.safe_load(TINY)
    change(document)
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigurationError, match=message):
        load_suite(str(path))
