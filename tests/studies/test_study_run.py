"""A study on a lake: the same rows as on the day level, a bundle that re-runs to the same bytes, a command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import yaml

from herdbook.errors import EmptyStudyError, InputError, ModelMixError, NotFoundError, NotReproducedError
from herdbook.lake import pins, transaction
from herdbook.lake.attach import kept_open
from herdbook.lake.bulk import load_parts
from herdbook.lake.migrate import migrate
from herdbook.settings import Settings
from herdbook.simulate.herd import make_herd_plan
from herdbook.simulate.herd.run import simulate_herd
from herdbook.studies.assemble import assemble
from herdbook.studies.findings import find
from herdbook.studies.read import read_study
from herdbook.studies.run import plan, rerun, run
from support.command_line import in_process
from support.study import STUDY, study
from support.study_herd import herd_source

PLAN = make_herd_plan(
    {
        "seed": 2,
        "days": 70,
        "devices": 1,
        "pens_per_device": 1,
        "animals_per_pen": 10,
        "illness": {"rate_per_year": 10, "illness_days": 14},
        "labels": {"notice_days": 0, "scoring_days": 14},
        "identity": {"switches": 0.1},
        "releases": [{"release_id": "m1", "from_day": 0}, {"release_id": "m2", "from_day": 35, "shift": 0.1}],
        "detail": {"tracklets_per_day": 1, "posture_cycles": 1},
    }
)
ASKED = study(
    study="on-the-lake",
    population={"since": "2023-01-16", "until": "2023-03-12"},
    exposure={"primary": {"measure": "lying_share", "per": 0.05}, "others": [{"measure": "standing_share"}]},
    model_change="stratify",
)
FILES = {"study.yaml", "analysis.parquet", "study.json"} | {
    f"{name}.csv"
    for name in ("analysis", "left_out", "cases", "flow", "missing", "estimates", "sensitivity", "coverage")
}
FILES |= {"releases.csv", "report.html"}
FILES |= {f"{name}.svg" for name in ("flow", "estimates", "sensitivity", "coverage")}


@pytest.fixture(scope="module")
def herd(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake with a small herd, pinned as ``before``."""
    folder = tmp_path_factory.mktemp("herd")
    settings = Settings(home=folder / "home")
    with kept_open():
        migrate(settings)
        simulate_herd(PLAN, folder / "out")
        load_parts(settings, folder / "out")
        pins.pin(settings, "before")
    return settings


@pytest.fixture(scope="module")
def bundle(herd: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder."""
    asked = ASKED.model_copy(update={"snapshot": "before"})
    return run(herd, asked, tmp_path_factory.mktemp("runs") / "one").folder


def test_the_lake_and_the_day_level_give_the_same_findings(herd: Settings) -> None:
    """With every control drawn, chance and names play no part."""
    asked = ASKED.model_copy(update={"design": ASKED.design.model_copy(update={"controls": 100})})
    _, on_lake = plan(herd, asked)
    with herd_source(PLAN) as source:
        in_memory = assemble(asked, source)
    assert on_lake.flow.to_pylist() == in_memory.flow.to_pylist()
    first = asked.exposure.primary.measure
    values = [sorted(map(str, (f"{x:.9f}" for x in a.used[first].to_pylist()))) for a in (on_lake, in_memory)]
    assert values[0] == values[1]
    one, other = (find(asked, a.used).to_pylist()[0] for a in (on_lake, in_memory))
    assert one["coefficient"] == pytest.approx(other["coefficient"], rel=1e-6)
    assert one["error"] == pytest.approx(other["error"], rel=1e-6)


def test_a_bundle_says_what_was_asked_of_what(herd: Settings, bundle: Path) -> None:
    assert {path.name for path in bundle.iterdir()} == FILES
    said = json.loads((bundle / "study.json").read_bytes())
    assert said["snapshot"] == pins.pinned_snapshot(herd, "before")
    assert said["releases"] == ["m1", "m2"]
    assert said["lake"]["identity_threshold"] == pytest.approx(0.6)
    assert yaml.safe_load((bundle / "study.yaml").read_text())["snapshot"] == said["snapshot"]
    rows = pq.read_table(bundle / "analysis.parquet")
    assert rows.num_rows == pyarrow.csv.read_csv(bundle / "analysis.csv").num_rows > 20
    assert max(rows["last_day_read"].to_pylist()) < max(rows["index_day"].to_pylist())
    [first, second] = pyarrow.csv.read_csv(bundle / "estimates.csv").to_pylist()
    assert (first["role"], first["p"]) == ("primary", first["p_adjusted"])
    assert first["low"] < first["coefficient"] < first["high"]
    assert (second["exposure"], second["role"], second["p_adjusted"]) == ("standing_share", "other", second["p"])


def test_a_bundle_runs_again_to_the_same_bytes_whatever_came_later(herd: Settings, bundle: Path) -> None:
    transaction.write(
        herd,
        lambda lake: lake.execute(
            "INSERT INTO label.label SELECT * REPLACE ('new' AS label_id, 'new' AS source_id) FROM label.label"
            " WHERE kind = 'diagnosis' LIMIT 1"
        ),
    )
    again = run(herd, read_study(bundle / "study.yaml"), bundle.parent / "two").folder
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {p.name: p.read_bytes() for p in bundle.iterdir()}
    assert rerun(herd, bundle)["digest"] == json.loads((bundle / "study.json").read_bytes())["digest"]


def test_a_bundle_that_was_changed_is_found_out(herd: Settings, bundle: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(bundle, changed)
    (changed / "estimates.csv").write_text("better\n")
    with pytest.raises(NotReproducedError, match=r"changed in the folder: estimates\.csv"):
        rerun(herd, changed)


def test_nothing_is_written_where_releases_would_be_mixed(herd: Settings, tmp_path: Path) -> None:
    refused = ASKED.model_copy(update={"model_change": "refuse"})
    with pytest.raises(ModelMixError, match="m1, m2"):
        run(herd, refused, tmp_path / "out")
    with pytest.raises(ModelMixError, match="no bridge from m1 to m2"):
        run(herd, refused.model_copy(update={"model_change": "bridge"}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_study_without_cases_says_so(herd: Settings, tmp_path: Path) -> None:
    outcome = {"name": "x", "any_of": [{"kind": "abortion"}]}
    with pytest.raises(EmptyStudyError, match="no matched set"):
        run(herd, study(**(STUDY | {"outcome": outcome})), tmp_path / "out")


def test_a_folder_that_is_there_and_a_pin_that_is_not(herd: Settings, bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is there already"):
        run(herd, ASKED, bundle)
    with pytest.raises(NotFoundError, match="pinned as 'never'"):
        run(herd, ASKED.model_copy(update={"snapshot": "never"}), tmp_path / "out")
    with pytest.raises(NotFoundError, match="no bundle"):
        rerun(herd, tmp_path)


def test_the_commands(
    herd: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HERDBOOK_HOME", str(herd.home))
    from herdbook import settings

    settings.get_settings.cache_clear()
    herdbook = in_process(monkeypatch, capsys)
    file = tmp_path / "study.yaml"
    expected = {"of": "a", "animal": "a", "is_case": True, "lying_share": 0.5}
    days = [{"animal": "a", "since": "2023-02-01", "until": "2023-02-28", "lying_share": 0.5}]
    small = {
        "name": "one case",
        "stays": [{"animal": "a", "since": "2023-01-01"}],
        "labels": [{"animal": "a", "day": "2023-02-20", "kind": "diagnosis"}],
        "days": days,
        "expect": [expected],
    }
    asked = ASKED.model_dump(mode="json") | {"snapshot": "before", "assurance": [small]}
    file.write_text(yaml.safe_dump(asked))
    code, out, err = herdbook("study", "plan", file, "--check")
    assert (code, "one case" in out) == (0, True), err
    code, out, _ = herdbook("study", "plan", file)
    assert code == 0
    assert "labels that meet the outcome" in out
    code, out, _ = herdbook("study", "run", file, "--out", tmp_path / "out", "--json")
    assert (code, json.loads(out)["pinned"]) == (0, "before")
    assert herdbook("study", "rerun", tmp_path / "out")[0] == 0
    assert "lying_share" in herdbook("study", "measures")[1]
    file.write_text(yaml.safe_dump(asked | {"assurance": [small | {"expect": [expected | {"lying_share": 0.6}]}]}))
    code, _, err = herdbook("study", "plan", file, "--check")
    assert (code, "lying_share is 0.5" in err) == (84, True)
