"""An engine over a folder of clips with truth: judged, resumable, readable."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from herdbook.errors import FileFormatError, InputError, NotFoundError
from herdbook.learning.evaluation import predictions
from herdbook.learning.evaluation.annotated import annotate
from herdbook.learning.evaluation.figures import FIGURES
from herdbook.learning.evaluation.predictions import Engine, predict
from herdbook.learning.evaluation.report import Report, compare, read_report, write_report
from herdbook.learning.evaluation.run import REPORT, evaluate
from herdbook.learning.evaluation.scenes import Scene, find_scenes
from herdbook.learning.evaluation.table import markdown
from herdbook.learning.formats import TrackFormat, read_tracks
from herdbook.learning.metrics import evaluate_mot
from herdbook.simulate.plan import FarmPlan
from herdbook.simulate.run import simulate_farm
from support.written_farm import Written

pytest.importorskip("cv2", reason="drawing needs the extra 'edge'")


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Two pens, one day, three clips each."""
    out = tmp_path_factory.mktemp("evaluated") / "farm"
    plan = FarmPlan(seed=5, days=1, pens=2, fps=4, clips_per_day=3, clip_seconds=8, width=320, height=240)
    simulate_farm(plan.model_copy(update={"animals_per_pen": 4, "outages_per_day": 0.0}), out)
    return Written(out)


@pytest.fixture(scope="module")
def scenes(farm: Written) -> list[Scene]:
    return find_scenes(farm.out)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("predictions")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def report(scenes: list[Scene], cache: Path, out: Path) -> Report:
    return evaluate(scenes, Engine(), out, data="small", cache=cache)


def test_every_clip_with_truth_is_a_scene(farm: Written, scenes: list[Scene]) -> None:
    assert len(scenes) == 6
    assert {s.camera.pen_id for s in scenes} == {pen.pen_id for pen in farm.farm.pens}
    truth = scenes[0].read_truth()
    lines = (farm.truth() / "mot" / f"{scenes[0].clip.stem}.txt").read_text().splitlines()
    assert len(truth.tracks) == len(lines) > 0
    annotated = truth.annotated(scenes[0].camera.fps, scenes[0].behaviours)
    assert (annotated.behaviour >= 0).all(), "animals behave all day"


def test_motion_is_judged_and_its_figures_are_those_of_the_command_that_judges_one_clip(
    report: Report, farm: Written, scenes: list[Scene], cache: Path
) -> None:
    figures = report.overall.figures
    assert figures["mota"].value is not None
    assert figures["mota"].value > 0.5
    for name in ("idf1", "hota", "behaviour_top1", "behaviour_macro_f1", "behaviour_ece", "reid_rank1"):
        assert figures[name].value is not None, name
        assert 0 <= figures[name].low <= figures[name].value <= figures[name].high <= 1, name
    assert figures["feature_cosine"].value is None
    assert set(figures) == set(FIGURES)
    first = scenes[0]
    truth = read_tracks(farm.truth() / "mot" / f"{first.clip.stem}.txt", TrackFormat.MOTCHALLENGE, truth=True)
    alone = evaluate_mot(truth, predict(first, Engine(), cache).tracks())
    ours = next(j.tally() for j in report.judgements if j.sequence.sequence_id == first.sequence_id)
    assert ours["switches"] == alone.clear.switches
    assert ours["misses"] == alone.clear.misses
    assert ours["idtp"] == pytest.approx(alone.clear.idr * alone.truth_boxes)


def test_the_truth_judged_as_a_prediction_is_perfect(scenes: list[Scene]) -> None:
    from herdbook.learning.evaluation.compare import estimates
    from herdbook.learning.evaluation.tally import tally

    sequences, tallies = [], []
    for scene in scenes:
        truth = scene.read_truth()
        seen = truth.annotated(scene.camera.fps, scene.behaviours)
        sequences.append(scene.sequence(truth))
        tallies.append(tally(seen, seen, classes=len(scene.behaviours), long=True))
    figures = estimates(sequences, tallies).figures
    for name in ("mota", "idf1", "hota", "idf1_long", "behaviour_top1", "behaviour_macro_f1", "behaviour_seen"):
        assert figures[name].value == pytest.approx(1), name
    assert figures["behaviour_ece"].value == pytest.approx(0)


def test_what_was_recorded_is_not_recorded_again(
    scenes: list[Scene], cache: Path, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("recorded again")

    monkeypatch.setattr(predictions, "record_day", refuse)
    again = evaluate(scenes, Engine(), tmp_path, data="small", cache=cache)
    assert again.overall == report.overall


def test_an_interrupted_run_goes_on(scenes: list[Scene], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded: list[str] = []
    real = predictions.record_day

    def counted(config: object, root: Path, *rest: object, **more: object) -> object:
        if len(recorded) == 2:
            raise KeyboardInterrupt
        recorded.append(str(root))
        return real(config, root, *rest, **more)

    monkeypatch.setattr(predictions, "record_day", counted)
    with pytest.raises(KeyboardInterrupt):
        evaluate(scenes[:3], Engine(), tmp_path / "out", data="small", cache=tmp_path / "cache")
    assert not (tmp_path / "out" / REPORT).exists()
    assert len(list((tmp_path / "cache").iterdir())) == 2, "nothing half done stays"
    recorded.clear()
    evaluate(scenes[:3], Engine(), tmp_path / "out", data="small", cache=tmp_path / "cache", pictures=0)
    assert len(recorded) == 1
    assert (tmp_path / "out" / REPORT).exists()


def test_another_engine_setting_or_other_code_is_another_prediction(
    scenes: list[Scene], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = scenes[0].config
    coarse = Engine(settings={"motion": config.motion.model_copy(update={"work_pixels": 128 * 96})})
    assert coarse.digest != Engine().digest
    before = set(cache.iterdir())
    predict(scenes[0], coarse, cache)
    assert len(set(cache.iterdir()) - before) == 1
    monkeypatch.setattr(predictions, "code_digest", lambda: "other")
    predict(scenes[0], coarse, cache)
    assert len(set(cache.iterdir()) - before) == 2


def test_worst_frames_are_drawn(report: Report, out: Path) -> None:
    import cv2

    assert report.failures
    faults = [f.misses + f.false_positives for f in report.failures]
    assert faults == sorted(faults, reverse=True)
    for failure in report.failures:
        assert failure.picture is not None
        picture = cv2.imread(str(out / failure.picture))
        assert picture.shape[0] >= 480
        greenish = (picture[..., 1].astype(int) - picture[..., 2] > 80).sum()
        assert greenish > 50, "truth is drawn"


def test_a_report_is_read_back_as_it_was(report: Report, out: Path, tmp_path: Path) -> None:
    assert read_report(out / REPORT) == report
    assert write_report(tmp_path / "copy.json", report) == write_report(tmp_path / "other.json", report)


def test_a_report_for_people_names_what_it_is_about(report: Report) -> None:
    text = markdown(report)
    assert "# motion-1 (motion) on small" in text
    assert "| mota |" in text
    assert "pen" in text or "sequence" in text
    assert "| walking |" in text or "| standing |" in text


def test_slices_are_of_pens_light_and_crowding(report: Report) -> None:
    assert {s.slice_by for s in report.slices} <= {"farm", "species", "light", "condition", "severity", "crowding"}
    by = [s for s in report.slices if s.slice_by == "crowding"]
    assert not by or sum(s.sequences for s in by) == 6


def test_transfer_to_another_species_is_a_slice(scenes: list[Scene], cache: Path, tmp_path: Path) -> None:
    """A suite's index says whose scenes are of a second species; here a pen's are said to be."""
    pen = scenes[0].camera.pen_id
    mixed = [replace(s, species="calf") if s.camera.pen_id == pen else s for s in scenes]
    found = evaluate(mixed, Engine(), tmp_path, data="two species", cache=cache, pictures=0)
    by = {s.slice_is: s for s in found.slices if s.slice_by == "species"}
    assert {name: one.sequences for name, one in by.items()} == {"pig": 3, "calf": 3}
    assert by["calf"].figures["mota"].value is not None
    assert "| species calf | 3 |" in markdown(found)


def test_lasting_identity_is_judged_on_a_clip_of_five_minutes(tmp_path: Path) -> None:
    """Real pixels, the real engine, the protocol as shipped: 300 s of one pen beside a clip of 8 s of it."""
    small = {"pens": 1, "fps": 2, "clips_per_day": 1, "width": 160, "height": 120, "animals_per_pen": 2}
    for name, seconds in (("long", 300), ("short", 8)):
        plan = FarmPlan(seed=5, days=1, **small, clip_seconds=seconds, farm_id=name, outages_per_day=0.0)
        simulate_farm(plan, tmp_path / "farms" / name)
    found = evaluate(
        find_scenes(tmp_path / "farms"), Engine(), tmp_path / "out", data="long", cache=tmp_path, pictures=0
    )
    by = {s.slice_is: s.figures for s in found.slices if s.slice_by == "farm"}
    assert by["short"]["idf1_long"].value is None
    assert by["long"]["idf1_long"].value == by["long"]["idf1"].value
    assert found.overall.figures["idf1_long"].value == by["long"]["idf1"].value
    assert found.overall.figures["idf1"].value != found.overall.figures["idf1_long"].value
    assert "| idf1_long |" in markdown(found)


def test_an_engine_compared_with_itself_does_not_differ(report: Report) -> None:
    found = compare(report, report).overall.figures
    assert found["mota"].value == found["mota"].low == found["mota"].high == 0


def test_reports_of_other_sequences_are_not_compared(report: Report) -> None:
    less = report.model_copy(update={"judgements": report.judgements[1:]})
    with pytest.raises(InputError, match="not of the same sequences"):
        compare(report, less)
    other = report.judgements[0].sequence.model_copy(update={"truth_sha256": "f" * 64})
    altered = report.judgements[0].model_copy(update={"sequence": other})
    with pytest.raises(InputError, match="not of the same sequences"):
        compare(report, report.model_copy(update={"judgements": (altered, *report.judgements[1:])}))


def test_what_is_no_report_is_said(tmp_path: Path, report: Report) -> None:
    with pytest.raises(NotFoundError, match="no evaluation"):
        read_report(tmp_path / "absent.json")
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(FileFormatError, match="is not an evaluation"):
        read_report(tmp_path / "bad.json")
    document = json.loads(report.model_dump_json())
    document["judgements"][0]["sums"]["hota_matches"] = [1, 2]
    (tmp_path / "bad.json").write_text(json.dumps(document))
    with pytest.raises(FileFormatError, match="not of this version"):
        read_report(tmp_path / "bad.json")


def test_a_folder_without_truth_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no clip with truth"):
        find_scenes(tmp_path)


def test_a_suites_index_says_conditions_and_species(farm: Written, tmp_path: Path) -> None:
    shutil.copytree(farm.out, tmp_path / "suite" / "held-out" / "farm-x")
    clip = farm.clips()[0].name
    scene = {"folder": "held-out/farm-x", "species": "pig", "ethogram_id": "pig-9"}
    scene["clips"] = [{"clip": clip, "conditions": {"night": 2, "haze": 4}}]
    (tmp_path / "suite" / "index.json").write_text(json.dumps({"scenes": [scene]}))
    found = {s.clip.name: s for s in find_scenes(tmp_path / "suite")}
    assert (found[clip].condition, found[clip].severity, found[clip].light) == ("haze", 4, "night")
    assert found[clip].sequence_id == f"held-out/farm-x/{Path(clip).stem}"
    others = [s for name, s in found.items() if name != clip]
    assert {(s.condition, s.severity, s.light) for s in others} == {("clear", 0, "day")}


def test_boxes_of_a_bout_carry_its_behaviour(scenes: list[Scene], cache: Path) -> None:
    prediction = predict(scenes[0], Engine(), cache)
    said = annotate(prediction.tracks(), scenes[0].camera.fps, prediction.spells(), scenes[0].behaviours)
    assert np.mean(said.behaviour >= 0) > 0.95
    assert ((said.probability > 0) == (said.behaviour >= 0)).all()
