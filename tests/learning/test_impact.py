"""Retrospective impact: a study on footage that another release has read again, beside what it found."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from herdbook.errors import InputError, NotFoundError
from herdbook.identity.byhand import merge
from herdbook.identity.operations import carry_out
from herdbook.identity.undo import undo
from herdbook.identity.words import Word
from herdbook.lake import transaction
from herdbook.lake.attach import kept_open, latest_snapshot
from herdbook.lake.bulk import load_parts
from herdbook.lake.migrate import migrate
from herdbook.learning.datasets.manifest import Sources, write_manifest
from herdbook.learning.datasets.plan import DatasetPlan
from herdbook.learning.impact import claim, impact
from herdbook.settings import Settings
from herdbook.simulate.herd import make_herd_plan
from herdbook.simulate.herd.run import simulate_herd
from herdbook.studies.reread import reread_source
from herdbook.studies.run import run
from herdbook.studies.training import TrainedOn
from support.command_line import in_process
from support.study import study

PLAN = make_herd_plan(
    {
        "seed": 2,
        "days": 36,
        "devices": 1,
        "pens_per_device": 1,
        "animals_per_pen": 6,
        "illness": {"rate_per_year": 20, "illness_days": 8},
        "labels": {"notice_days": 0, "scoring_days": 14},
        "detail": {"tracklets_per_day": 1, "posture_cycles": 1, "embeddings_per_hour": 0.5, "dimensions": 32},
    }
)
pytestmark = pytest.mark.slow
ASKED = study(study="impact", population={"since": "2023-01-09", "until": "2023-02-06"})
ASKED = ASKED.model_copy(update={"outcome": ASKED.outcome.model_copy(update={"washout_days": 7})})
OF_LOADS = ("coverage", "tracklet", "bout", "embedding", "activity", "camera_setup", "calibration", "model_release")
READ = """
INSERT INTO record.reading BY NAME
SELECT 'again:' || load_id AS load_id, device_id, farm_id, day, timezone, starts_at, ends_at, 'm9' AS release_id,
    repeat('0', 64) AS engine_sha256, load_id AS of_load_id, ['c'] AS clips, software_version,
    coverage_rows, tracklet_rows, bout_rows, embedding_rows, activity_rows, loaded_at
FROM record.device_day
"""


@pytest.fixture(scope="module")
def herd(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A herd's lake in which release m9 has read all footage again, and saw just what was seen."""
    folder = tmp_path_factory.mktemp("impact")
    settings = Settings(home=folder / "home")

    def read_again(lake: object) -> None:
        lake.execute(READ)  # type: ignore[attr-defined]
        for kind in OF_LOADS:
            columns = {c[0] for c in lake.execute(f"DESCRIBE record.{kind}").fetchall()}  # type: ignore[attr-defined]
            release = ", 'm9' AS release_id" if "release_id" in columns else ""
            again = f"SELECT * REPLACE ('again:' || load_id AS load_id{release}) FROM record.{kind}"
            lake.execute(f"INSERT INTO record.{kind} {again}")  # type: ignore[attr-defined]

    with kept_open():
        migrate(settings)
        simulate_herd(PLAN, folder / "out")
        load_parts(settings, folder / "out")
        transaction.write(settings, read_again)
    return settings


@pytest.fixture(scope="module")
def bundle(herd: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study's folder."""
    return run(herd, ASKED, tmp_path_factory.mktemp("bundle") / "one").folder


def test_what_a_release_read_again_is_a_herd_with_claims_of_its_own(herd: Settings) -> None:
    with reread_source(herd, latest_snapshot(herd), "m9") as source:
        claimed = claim(herd, source)
        [days] = source.connection.execute("SELECT count(*) FROM animal_day WHERE lying_s > 0").fetchone() or (0,)
        releases = source.connection.execute("SELECT DISTINCT release_id FROM tracklet").fetchall()
    assert claimed > 100
    assert days > 100
    assert releases == [("m9",)]


def test_a_release_that_saw_the_same_finds_the_same(herd: Settings, bundle: Path) -> None:
    found, again = impact(herd, [bundle], ["m9"]).to_pylist()
    assert (found["seen_by"], found["verdict"]) == ("as found", "")
    assert again["seen_by"] == "m9"
    assert again["verdict"].startswith("stands")
    assert abs(again["moved"]) < 1
    assert again["cases"] == found["cases"]


def test_a_release_that_read_nothing_is_said(herd: Settings, bundle: Path) -> None:
    with pytest.raises(NotFoundError, match="no footage that m7 has read again"):
        impact(herd, [bundle], ["m7"])
    with pytest.raises(InputError, match="nothing to compare"):
        impact(herd, [bundle], [])
    strict = impact(herd, [bundle], ["m9"], minimum_hours=24).to_pylist()[1]
    assert strict["verdict"].startswith("cannot be compared: ")


def test_animals_that_people_said_are_one_are_one_to_every_release(herd: Settings) -> None:
    def named() -> set[str]:
        with reread_source(herd, latest_snapshot(herd), "m9") as source:
            claim(herd, source)
            rows = source.connection.execute("SELECT DISTINCT animal_id FROM identity WHERE identified").fetchall()
        return {animal for (animal,) in rows}

    other, into, *_ = sorted(named())
    done = carry_out(herd, lambda lake: merge(lake, other, into, Word(), despite_overlap=True))
    assert other not in named()
    carry_out(herd, lambda lake: undo(lake, done.operation_id, Word()))
    assert other in named()


def test_what_a_release_was_trained_on_is_read_off_its_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = {f"{place}/c1.mp4": "0" * 64 for place in ("d2/2026-03-01", "d1/2026-03-02", "d1/2026-03-01")}
    write_manifest(tmp_path, DatasetPlan(frames=1), Sources(footage="lake", clips=clips), [], {})
    herdbook = in_process(monkeypatch, capsys)
    code, out, err = herdbook("study", "trained", "student-3", tmp_path)
    assert code == 0, err
    [stated] = yaml.safe_load(out)["trained_on"]
    assert {d: len(days) for d, days in TrainedOn.model_validate(stated).footage.items()} == {"d1": 2, "d2": 1}
