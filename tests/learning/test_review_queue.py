"""From a device day's footage through the review queue to the next dataset, by the real recorder, ledger and lake."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from herdbook.cli import app
from herdbook.edge.config import MOTION_RELEASE
from herdbook.errors import EmptyDatasetError, FileFormatError, InputError, NotFoundError
from herdbook.lake.rows import insert_rows
from herdbook.lake.transaction import write
from herdbook.learning.archive import ArchivedDay, archived_days
from herdbook.learning.datasets.reading import Dataset
from herdbook.learning.datasets.sources import gather, resolve
from herdbook.learning.evaluation.engine_file import read_engine
from herdbook.learning.evaluation.predictions import Engine
from herdbook.learning.pixels import read_picture
from herdbook.learning.registry.gates import Verdict
from herdbook.learning.registry.models import COMPACT, register
from herdbook.learning.registry.origin import take_origin
from herdbook.learning.registry.promotion import promote
from herdbook.learning.registry.tracking import start_run
from herdbook.learning.review.decisions import accept
from herdbook.learning.review.finders import Finder
from herdbook.learning.review.frames import ReviewFrames
from herdbook.learning.review.identity import queue_identities
from herdbook.learning.review.labels import freeze_reviewed
from herdbook.learning.review.plan import ReviewPlan
from herdbook.learning.review.reread import reread_before, reread_day
from herdbook.learning.review.student import serving_student
from herdbook.ledger.models import Reread, ReviewReason, ReviewState
from herdbook.ledger.reviews import items
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.archive import Truth

PLAN = ReviewPlan(every_s=1.0, frames=5, apart_s=0.5)
run = CliRunner()


@pytest.fixture
def settings(archived: Settings) -> Settings:
    return archived


@pytest.fixture
def day(settings: Settings) -> ArchivedDay:
    (found,) = archived_days(settings)
    return found


@pytest.fixture
def teacher(small_farms: Path, day: ArchivedDay) -> Truth:
    return Truth(small_farms / "north", day)


def reread(settings: Settings, day: ArchivedDay, teacher: Finder, **said: bool) -> Reread:
    return reread_day(settings, day, Engine(), teacher, PLAN, **said)


def learn(*arguments: object) -> list[dict] | dict:
    done = run.invoke(app, ["learn", *(str(a) for a in arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def queue(settings: Settings, *states: ReviewState) -> list:
    with ledger_session(settings) as session:
        return items(session, states or (ReviewState.OPEN,))


def test_a_day_knows_its_footage_and_its_cameras(settings: Settings, day: ArchivedDay) -> None:
    assert len(day.clips) == 2
    assert {clip.camera_id for clip in day.clips} == {camera.camera_id for camera in day.cameras}
    assert all(clip.path.is_file() and clip.seconds > 2 for clip in day.clips)
    assert archived_days(settings, device_id="another") == []
    assert archived_days(settings, since=day.day, until=day.day) == [day]
    day.clips[0].path.unlink()
    assert len(archived_days(settings)[0].clips) == 1


def test_what_the_device_was_unsure_of_is_read_again_and_its_share_kept(
    settings: Settings, day: ArchivedDay, teacher: Truth
) -> None:
    done = reread(settings, day, teacher)
    assert done.clips == 2
    assert done.frames == 2 * 12
    assert 0 <= done.share <= 1
    assert done.reread <= PLAN.frames
    assert done.compared == len(teacher.asked) > done.reread
    with ledger_session(settings) as session:
        kept = session.get(Reread, (day.device_id, day.day, Engine().digest, "truth"))
        assert kept is not None
        assert (kept.share, kept.queued) == (done.share, done.queued)
    read = settings.registry / "reread" / day.device_id / day.day.isoformat() / "truth.parquet"
    rows = duckdb.sql(f"SELECT count(DISTINCT (clip, frame)), count(mask) FROM '{read}'").fetchone()
    assert rows is not None
    assert rows[0] == done.compared
    assert rows[1] > done.compared, "several animals a frame"


def test_doing_it_twice_asks_nobody_and_changes_nothing(settings: Settings, day: ArchivedDay, teacher: Truth) -> None:
    first = reread(settings, day, teacher)
    before = [(item.item_id, item.score) for item in queue(settings)]
    asked = len(teacher.asked)
    assert reread(settings, day, teacher).finished_at == first.finished_at
    assert len(teacher.asked) == asked
    again = reread(settings, day, teacher, again=True)
    assert again.queued == 0
    assert [(item.item_id, item.score) for item in queue(settings)] == before


def test_frames_on_which_outlines_differ_enter_the_queue_worst_first(
    settings: Settings, day: ArchivedDay, teacher: Truth
) -> None:
    class Blind(Truth):
        name = "blind"

        def find(self, image):  # type: ignore[no-untyped-def]
            return super().find(image)[1:]

    blind = Blind.__new__(Blind)
    blind.__dict__ |= teacher.__dict__
    done = reread(settings, day, blind)
    found = queue(settings)
    assert len(found) == done.queued > 0
    assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)
    assert all(item.score > PLAN.iou_gap and item.reason is ReviewReason.OUTLINES for item in found)
    kept = ReviewFrames(settings, "north")
    sides = kept.sides(found[0])
    assert list(sides) == ["student", "teacher"]
    assert read_picture(kept.picture(found[0])).shape == (120, 160, 3)
    (listed, *_) = learn("review", "list", "--site", "north")
    assert listed["item"] == found[0].item_id
    picture = settings.home / "both.png"
    shown = learn("review", "show", found[0].item_id, "--picture", picture)
    assert shown["sides"].keys() == sides.keys()
    assert read_picture(picture).shape[1] >= 900


def test_accepted_and_corrected_frames_label_the_next_dataset(
    settings: Settings, day: ArchivedDay, teacher: Truth, tmp_path: Path
) -> None:
    reread(settings, day, teacher)
    first, second, third, *_ = queue(settings)
    with pytest.raises(EmptyDatasetError, match="accepted or corrected"):
        gather(settings, review=["north"])
    learn("review", "accept", first.item_id, "--by", "ada")
    learn("review", "discard", second.item_id, "--by", "ada", "--comment", "blurred")
    given = tmp_path / "todo.zip"
    assert run.invoke(app, ["learn", "review", "give", str(given), "--format", "cvat"]).exit_code == 0
    (corrected,) = learn("review", "correct", given, third.item_id, "--by", "ben")
    assert (corrected["state"], corrected["decided_by"]) == ("corrected", "ben")
    made = learn("dataset", tmp_path / "data", "--review", "north", "--frames", 4, "--every", 1, "--share", "train=1.0")
    dataset = Dataset(tmp_path / "data")
    labelled = [frame for frame in dataset.frames() if frame.said["labelled"]]
    assert {(f.said["clip"], f.said["frame"]) for f in labelled} == {(i.clip, i.frame) for i in (first, third)}
    assert all(dataset.labels(frame)[0].mask is not None for frame in labelled)
    assert set(dataset.table("labels")["source"].to_pylist()) == {"review"}
    assert made["frames"] == 4


def test_a_decision_is_entered_once(settings: Settings, day: ArchivedDay, teacher: Truth) -> None:
    reread(settings, day, teacher)
    first, second, *_ = queue(settings)
    learn("review", "accept", first.item_id, "--by", "ada", "--side", "student")
    learn("review", "accept", first.item_id, "--by", "ada", "--side", "student")
    with pytest.raises(InputError, match="accepted by ada already"):
        accept(settings, [second.item_id, first.item_id], by="ben")
    assert second.item_id in {item.item_id for item in queue(settings)}, "all or none"
    with pytest.raises(InputError, match="no side 'track'"):
        accept(settings, [second.item_id], by="ben", side="track")
    with pytest.raises(NotFoundError, match="no item 999"):
        accept(settings, [999], by="ben")
    version = freeze_reviewed(settings, "north").versions
    assert freeze_reviewed(settings, "north").versions == version == [1]
    reread(settings, day, teacher, again=True)
    assert [i.side for i in queue(settings, ReviewState.ACCEPTED)] == ["student"], "a decision outlives a new reading"


def test_judges_only_change_the_order(settings: Settings, day: ArchivedDay, teacher: Truth, tmp_path: Path) -> None:
    reread(settings, day, teacher)
    first, second, *_ = queue(settings)
    learn("review", "weigh", first.item_id, 0.001)
    assert queue(settings)[0].item_id == second.item_id
    assert queue(settings)[-1].item_id == first.item_id
    learn("review", "discard", second.item_id)
    table = learn("review", "table", tmp_path / "table.csv")
    assert table["frames"] == len(queue(settings))
    sources = gather(settings, disagreement=tmp_path / "table.csv")
    disagreement = resolve(settings, sources).disagreement
    assert disagreement[day.device_id, day.day.isoformat(), first.clip][first.frame] < 0.01
    assert run.invoke(app, ["learn", "review", "weigh", str(first.item_id), "2"]).exception is not None


def test_a_correction_of_another_size_or_of_no_frame_of_ours_changes_nothing(
    settings: Settings, day: ArchivedDay, teacher: Truth, tmp_path: Path
) -> None:
    reread(settings, day, teacher)
    item = queue(settings)[0]
    side = ReviewFrames(settings, "north").side(item, "teacher")
    from herdbook.contracts.ethogram import load_ethogram
    from herdbook.learning.review.decisions import correct

    wide = replace(side, pictures=(replace(side.pictures[0], width=320),))
    with pytest.raises(FileFormatError, match="320 x 120"):
        correct(settings, wide, load_ethogram("pig-9"), by="ben")
    elsewhere = replace(
        side,
        pictures=(replace(side.pictures[0], name="x/y.png"),),
        shapes=tuple(replace(shape, picture="x/y.png") for shape in side.shapes),
    )
    with pytest.raises(NotFoundError, match="no frame that is under review"):
        correct(settings, elsewhere, load_ethogram("pig-9"), by="ben")
    assert queue(settings)[0].state is ReviewState.OPEN


def test_a_track_that_looks_like_another_animal_enters_the_queue(settings: Settings, day: ArchivedDay) -> None:
    def enrol_crosswise(lake: duckdb.DuckDBPyConnection) -> None:
        """Two tracklets are claimed, each to be the animal that the other one's looks were enrolled as."""
        rows = lake.execute(
            'SELECT tracklet_id, space_id, "at", vector, scale FROM record.embedding WHERE load_id = ? '
            'QUALIFY row_number() OVER (PARTITION BY tracklet_id ORDER BY "at") = 1 ORDER BY tracklet_id LIMIT 3',
            [day.load_id],
        ).fetchall()
        said = {"recorded_by": "test", "retracted": False}
        for k, (tracklet, space, at, vector, scale) in enumerate(rows):
            look = {"space_id": space, "at": at, "vector": vector, "scale": scale, "recorded_at": at}
            insert_rows(
                lake,
                "identity.enrolment",
                [{"enrolment_id": f"e{k}", "animal_id": f"a{k}", "tracklet_id": tracklet} | look | said],
            )
            claim = {"claim_id": f"c{k}", "load_id": day.load_id, "tracklet_id": tracklet, "confidence": 0.9}
            animal = {"animal_id": f"a{(k + 1) % 3}", "method": "test", "space_id": space}
            insert_rows(lake, "identity.claim", [claim | animal | {"recorded_at": at, "run_id": "r"}])

    write(settings, enrol_crosswise)
    assert queue_identities(settings, day, ReviewPlan()) == 3
    assert queue_identities(settings, day, ReviewPlan()) == 0
    item = queue(settings)[0]
    assert item.reason is ReviewReason.IDENTITY
    assert "looks like a" in item.detail
    sides = ReviewFrames(settings, "north").sides(item)
    track, embedding = (
        sorted(a for s in side.shapes if (a := s.attribute("animal"))) for side in (sides["track"], sides["embedding"])
    )
    assert track != embedding
    (done,) = learn("review", "accept", item.item_id)
    assert done["side"] == "embedding"


def test_the_real_teacher_reads_beside_a_learned_student(
    settings: Settings, day: ArchivedDay, taught_release: Path, tmp_path: Path
) -> None:
    import torch

    from herdnet.sam3 import Teacher as Sam3
    from herdnet.sam3_config import SmallTeacher

    torch.manual_seed(0)
    Sam3.small(SmallTeacher(image_size=64, patch_size=16, channels=64, layers=2, window=2)).save(tmp_path / "teacher")
    asked = ("reread", "--teacher", tmp_path / "teacher", "--release", taught_release, "--frames", 2, "--every", 2)
    (done,) = learn(*asked)
    assert done["student"] == "compact-test"
    assert (done["frames"], done["reread"] <= 2, done["compared"] >= 2) == (24, True, True)
    assert 0 <= done["share"] <= 1
    (again,) = learn(*asked)
    assert again == done | {"identities": 0}
    for item in queue(settings):
        assert item.student == "compact-test"
        assert item.teacher.startswith("sam3-")


def test_the_serving_student_is_the_champion(make_registry: Any, tmp_path: Path) -> None:
    settings = make_registry()
    with serving_student(settings) as engine:
        assert engine.release.release_id == "motion-1"
    folder = tmp_path / "release"
    folder.mkdir()
    said = MOTION_RELEASE.model_dump(mode="json") | {"release_id": "motion-9"}
    (folder / "engine.yaml").write_text(json.dumps({"release": said}))
    with serving_student(settings, folder) as engine:
        assert engine.release.release_id == "motion-9"
    origin = take_origin(Path("/")).model_copy(update={"dirty": False, "dirty_paths": ()})
    with start_run(settings, "test", origin) as run:
        version = register(run, COMPACT, [folder / "engine.yaml"], read_engine(folder / "engine.yaml").digest)
    passed = Verdict(model=COMPACT, passed=True, checks=())
    promote(settings, COMPACT, version.number, verdict=passed, evidence_sha256="0" * 64, by="test")
    with serving_student(settings) as engine:
        assert engine.release.release_id == "motion-9"


def test_a_reading_that_was_cut_off_is_done_again_and_queues_nothing_twice(
    settings: Settings, day: ArchivedDay, teacher: Truth
) -> None:
    find = teacher.find

    def die(image: Any) -> Any:
        if len(teacher.asked) == 4:
            raise KeyboardInterrupt
        return find(image)

    teacher.find = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        reread(settings, day, teacher)
    before = {item.item_id for item in queue(settings)}
    assert reread_before(settings, day, Engine(), teacher) is None
    teacher.find = find  # type: ignore[method-assign]
    teacher.asked.clear()
    done = reread(settings, day, teacher)
    after = [item.item_id for item in queue(settings)]
    assert before <= set(after)
    assert len(after) == len(before) + done.queued
