"""The bout level: the same bytes however it is made, accepted by the lake, and one herd with the day level."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from herdbook.contracts.records import RECORDS, RecordKind
from herdbook.errors import ConfigurationError
from herdbook.lake.attach import kept_open, open_lake
from herdbook.lake.bulk import load_parts
from herdbook.lake.check import run_checks
from herdbook.settings import Settings
from herdbook.simulate.herd import herd_days
from herdbook.simulate.herd.bouts import behave
from herdbook.simulate.herd.cells import cells_of, chunks
from herdbook.simulate.herd.run import simulate_herd
from herdbook.simulate.herd.tracklets import follow
from herdbook.simulate.streams import stream
from support.herds import small_herd

PLAN = small_herd()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small herd's records."""
    out = tmp_path_factory.mktemp("herd") / "out"
    simulate_herd(PLAN, out)
    return out


@pytest.fixture(scope="module")
def loaded(written: Path, empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """They in a lake."""
    import shutil

    home = tmp_path_factory.mktemp("lake") / "home"
    shutil.copytree(empty_home, home)
    settings = Settings(home=home)
    with kept_open():
        load_parts(settings, written)
    return settings


@pytest.fixture(scope="module")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an empty lake, to be copied."""
    from herdbook.lake.migrate import migrate

    home = tmp_path_factory.mktemp("empty") / "home"
    migrate(Settings(home=home))
    return home


def tree(folder: Path) -> dict[str, str]:
    """Every file's digest."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_bouts_fill_the_tracklets_and_come_to_the_day_levels_seconds() -> None:
    plan = small_herd(days=40, coverage={"days_off": 0.1, "hours_off": 0.6, "hours_off_length": 8, "followed": [0, 1]})
    for chunk in chunks(plan):
        _, cells = cells_of(plan, chunk)
        rng = stream(0, chunk.device, chunk.first)
        tracklets = follow(plan, cells, rng)
        bouts = behave(plan, cells, tracklets, rng)
        t, seconds = bouts.tracklet, bouts.stop - bouts.start
        assert seconds.min() > 0
        order = np.lexsort((bouts.start, t))
        first, last = (np.append(True, np.diff(t[order]) > 0), np.append(np.diff(t[order]) > 0, True))
        assert np.array_equal(bouts.start[order][first], tracklets.start)
        assert np.array_equal(bouts.stop[order][last], tracklets.stop)
        assert np.array_equal(bouts.start[order][~first], bouts.stop[order][~last])
        named, cell = tracklets.named[t], tracklets.cell[t]
        lying = bouts.behaviour <= 1
        assert np.array_equal(np.bincount(cell[named], seconds[named], len(cells)), cells.observed_s)
        assert np.array_equal(np.bincount(cell[named & lying], seconds[named & lying], len(cells)), cells.lying_s)


def test_the_number_of_processes_changes_no_byte(written: Path, tmp_path: Path) -> None:
    simulate_herd(PLAN, tmp_path / "out", jobs=3)
    assert tree(tmp_path / "out") == tree(written)


@pytest.mark.parametrize("after", [1, 4])
def test_stopped_between_parts_it_is_continued_to_the_same_bytes(written: Path, tmp_path: Path, after: int) -> None:
    done = []

    def stop(animal_days: int) -> None:
        done.append(animal_days)
        if len(done) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_herd(PLAN, tmp_path, stop)
    half = tmp_path / "parts" / ".herd-farm-d002_2023-04-05.part"  # killed while it was written
    half.mkdir()
    (half / "record.bout.parquet").write_bytes(b"half")
    parts = simulate_herd(PLAN, tmp_path)
    assert sum(part.skipped for part in parts) == after + 1
    assert tree(tmp_path) == tree(written)


@pytest.mark.slow
def test_interrupted_it_ends_soon_and_is_continued_to_the_same_bytes(written: Path, tmp_path: Path) -> None:
    plan_file = tmp_path / "plan.yaml"
    plan_file.write_text(json.dumps(PLAN.model_dump(mode="json")))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "herdbook", "simulate", "herd", str(out), "--plan", str(plan_file)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(out.glob("parts/[!.]*"))) < 2:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    assert process.wait(180) in (130, 0)  # a fast machine may have finished
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["skipped"] >= 2
    left = {name: digest for name, digest in tree(out).items() if "/." not in name}
    assert left == tree(written)


def test_a_folder_with_another_herd_is_refused(written: Path) -> None:
    with pytest.raises(ConfigurationError, match="another herd"):
        simulate_herd(small_herd(seed=1), written)


@pytest.mark.parametrize("kind", list(RecordKind))
def test_records_have_the_columns_of_the_contract(written: Path, kind: RecordKind) -> None:
    (path, *_) = sorted(written.glob(f"parts/*/record.{kind.value}.parquet"))
    found = pq.read_schema(path)
    assert found.names == ["load_id", *RECORDS[kind].schema.names]
    for field in RECORDS[kind].schema:
        assert found.field(field.name).type == field.type or str(field.type).startswith("list")


def test_every_check_of_the_lake_passes_without_a_warning(loaded: Settings) -> None:
    assert [result.name for result in run_checks(loaded, everything=True) if result.rows] == []


def test_the_lakes_animal_days_are_the_day_levels(loaded: Settings) -> None:
    """Exactly: with cameras that fail, clocks that change, identities exchanged and a model update."""
    herd = herd_days(PLAN)
    with open_lake(loaded, read_only=True) as lake:
        found = lake.execute(
            "SELECT animal_id, (day - ?::DATE)::INTEGER, camera_on_s, behaviour_s, lying_s, identified_s"
            " FROM animal_day WHERE behaviour_s > 0 ORDER BY animal_id, day",
            [PLAN.start_day],
        ).fetchnumpy()
        ids = [row[0] for row in lake.execute("SELECT animal_id FROM animal ORDER BY animal_id").fetchall()]
    days = herd.days.to_pydict()
    seen = [k for k, seconds in enumerate(days["observed_s"]) if seconds]
    assert len(seen) > 200
    names = list(found)
    assert found["animal_id"].tolist() == [ids[days["animal"][k]] for k in seen]
    assert found[names[1]].tolist() == [days["day"][k] for k in seen]
    for mine, theirs in (
        ("camera_on_s", "camera_on_s"),
        ("behaviour_s", "observed_s"),
        ("identified_s", "observed_s"),
        ("lying_s", "lying_s"),
    ):
        assert found[mine].tolist() == [days[theirs][k] for k in seen]


def test_labels_are_known_only_once_received(loaded: Settings) -> None:
    herd = herd_days(PLAN)
    with open_lake(loaded, read_only=True) as lake:
        count = "SELECT count(*) FROM {} WHERE kind = 'diagnosis'"
        (now,) = lake.execute(count.format("label_current")).fetchone() or ()
        (then,) = lake.execute(count.format(f"label_known_as_of(DATE '{PLAN.start_day}' + 10)")).fetchone() or ()
        (late,) = lake.execute("SELECT count(*) FROM label.label WHERE received_at > occurred_by").fetchone() or ()
        observers = lake.execute("SELECT DISTINCT observer FROM label_current WHERE observer IS NOT NULL").fetchall()
        twice = lake.execute(
            "SELECT count(*) FROM label_current WHERE kind = 'lameness_score'"
            " GROUP BY animal_id, occurred_by HAVING count(*) > 1"
        ).fetchall()
    assert now == herd.diagnoses.num_rows > 0
    assert then == sum(received < 10 for received in herd.diagnoses["received"].to_pylist())
    assert late > 0
    assert len(observers) == 3
    assert twice


def test_activity_is_as_long_as_its_tracklets_and_as_far_as_they_walked(loaded: Settings) -> None:
    with open_lake(loaded, read_only=True) as lake:
        off = lake.execute(
            "SELECT count(*) FROM tracklet AS t LEFT JOIN"
            " (SELECT load_id, tracklet_id, sum(observed_s) AS s FROM activity GROUP BY ALL) AS a"
            " USING (load_id, tracklet_id)"
            " WHERE abs(coalesce(a.s, 0) - seconds_between(t.started_at, t.ended_at)) > 0.01"
        ).fetchone()
        paces = lake.execute("SELECT distance_m / walking_s FROM animal_day WHERE walking_s > 600").fetchall()
        growth = lake.execute(
            "SELECT regr_slope(d.body_length_m, d.day - a.born_on)"
            " FROM animal_day AS d JOIN animal AS a USING (animal_id)"
        ).fetchone()
    assert off == (0,)
    assert np.median([p for (p,) in paces]) == pytest.approx(0.45, rel=0.25)
    assert growth is not None
    assert growth[0] > 0


def test_the_truth_of_tracklets_is_beside_and_says_which_claims_are_wrong(loaded: Settings, written: Path) -> None:
    with open_lake(loaded, read_only=True) as lake:
        wrong, named, known = (
            lake.execute(
                "SELECT count(*) FILTER (i.animal_id <> t.animal_id), count(i.animal_id), count(*)"
                " FROM identity AS i JOIN read_parquet(?) AS t USING (load_id, tracklet_id)",
                [str(written / "truth" / "tracklets" / "*.parquet")],
            ).fetchone()
            or ()
        )
        (all_of_them,) = lake.execute("SELECT count(*) FROM tracklet").fetchone() or ()
    assert known == all_of_them
    assert 0.02 < wrong / named < 0.2
    with duckdb.connect() as plain:
        (switched,) = (
            plain.execute(
                "SELECT count(*) FROM read_parquet(?) WHERE switched <> (animal_id <> claimed_animal_id)",
                [str(written / "truth" / "days" / "*.parquet")],
            ).fetchone()
            or ()
        )
    assert switched == 0


def test_looks_turn_with_age_and_are_nearest_to_their_own(loaded: Settings, written: Path) -> None:
    with open_lake(loaded, read_only=True) as lake:
        found = lake.execute(
            "SELECT t.animal_id, e.space_id, e.vector, e.scale, date_diff('day', a.born_on, e.day) AS age"
            " FROM embedding AS e JOIN read_parquet(?) AS t USING (load_id, tracklet_id)"
            " JOIN animal AS a ON a.animal_id = t.animal_id",
            [str(written / "truth" / "tracklets" / "*.parquet")],
        ).fetchall()
        spaces = lake.execute("SELECT count(DISTINCT space_id) FROM identity.enrolment").fetchone()
    assert spaces == (2,)
    space = [row for row in found if row[1].endswith("-1")]
    vectors = np.array([row[2] for row in space]) * np.array([row[3] for row in space])[:, None]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=0.03)
    owners = np.array([row[0] for row in space])
    means = {animal: vectors[owners == animal].mean(axis=0) for animal in dict.fromkeys(owners)}
    nearest = np.array(list(means))[(vectors @ np.array(list(means.values())).T).argmax(axis=1)]
    assert (nearest == owners).mean() > 0.6


def test_the_command_says_what_it_wrote_and_refuses_nonsense_in_one_message(tmp_path: Path) -> None:
    def herdbook(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "herdbook", "simulate", "herd", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    (tmp_path / "bad.yaml").write_text("releases: 3\n")
    done = herdbook(tmp_path / "out", "--plan", tmp_path / "bad.yaml")
    assert (done.returncode, "releases" in done.stderr, "Traceback" in done.stderr) == (11, True, False)
    assert herdbook(tmp_path / "out", "--plan", tmp_path / "none.yaml").returncode == 12
    assert herdbook(tmp_path / "out", "--start-day", "soon").returncode == 2
    assert not (tmp_path / "out").exists()
    done = herdbook(tmp_path / "out", "--days", 2, "--devices", 1, "--pens", 1, "--animals", 2, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parts"] == 2
