"""The published file: what the lake says, for stock DuckDB, put in place atomically, day by day."""

from __future__ import annotations

import multiprocessing
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

import herdbook
from herdbook.errors import InputError, NotFoundError, NotInitialisedError, StorageError
from herdbook.lake import herd_file
from herdbook.lake.attach import open_lake
from herdbook.lake.definitions import Kind, of_kind
from herdbook.lake.maintenance import delete_superseded
from herdbook.lake.publish import export, publish
from herdbook.lake.published import open_published
from herdbook.lake.rows import insert_rows
from herdbook.lake.transaction import write
from herdbook.settings import Settings
from support.lake_home import LONG_AGO, SPEC, claim_all, fill_lake, load_day

STOCK = """
import duckdb, sys
herd = duckdb.connect(sys.argv[1], read_only=True, config={
    "autoload_known_extensions": False, "autoinstall_known_extensions": False, "enable_external_access": False})
names = [row[0] for row in herd.execute(
    "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'"
    " UNION SELECT view_name FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal").fetchall()]
for name in names:
    herd.execute(f"FROM {name}").fetchall()
herd.execute("FROM label_known_as_of(now())").fetchall()
herd.execute("FROM identity_known_as_of(DATE '2026-03-02')").fetchall()
print(len(names), herd.execute("SELECT count(*) FROM animal_day").fetchone()[0])
"""


def content(connection: duckdb.DuckDBPyConnection, names: list[str]) -> dict[str, list[str]]:
    """Rows as sorted text, floats rounded: sums differ in the last bits with the order of their terms."""
    result = {}
    for name in set(names) - set(herd_file.LAKE_ONLY.values()):
        rows = connection.execute(f"FROM {name}").fetchall()
        result[name] = sorted(repr([rounded(value) for value in row]) for row in rows)
    return result


def rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return value


VIEWS = [d.name for d in of_kind(Kind.VIEW) if d.name != "embedding"]


def test_it_says_what_the_lake_says(filled: Settings) -> None:
    with open_published(publish(filled)) as herd, open_lake(filled, read_only=True) as lake:
        assert content(herd, VIEWS) == content(lake, VIEWS)
        assert herd.execute("SELECT count(*) FROM animal_day WHERE behaviour_s > 0").fetchone() == (6,)
        assert herd.execute("SELECT count(*) FROM animal_embedding_day").fetchone() == (6,)


def test_it_opens_in_stock_duckdb_without_any_extension(filled: Settings) -> None:
    command = [sys.executable, "-c", STOCK, str(publish(filled))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    tables, animal_days = done.stdout.split()
    assert int(tables) >= 28
    assert animal_days == "6"


def test_it_names_its_snapshot_and_describes_its_columns(filled: Settings) -> None:
    with open_published(publish(filled)) as herd, open_lake(filled, read_only=True) as lake:
        snapshot, embeddings = herd.execute("SELECT snapshot_id, embeddings FROM published").fetchone()
        assert snapshot == lake.execute("SELECT max(snapshot_id) FROM lake.snapshots()").fetchone()[0]
        assert not embeddings
        comment = herd.execute(
            "SELECT comment FROM duckdb_columns() WHERE table_name = 'animal_day' AND column_name = 'lying_s'"
        ).fetchone()[0]
        assert comment.endswith("[s]")


def test_only_current_loads_go_in(filled: Settings) -> None:
    newer = load_day(filled, replace(SPEC, revision=2, seed=5))
    with open_published(publish(filled)) as herd:
        loads = {row[0] for row in herd.execute("SELECT DISTINCT load_id FROM record.bout").fetchall()}
        assert len(loads) == 2
        assert newer.load_id in loads


def test_what_was_believed_of_a_day_that_was_issued_again_is_still_known(filled: Settings) -> None:
    """Also when it was published before, and after maintenance took the superseded records away."""
    publish(filled)
    with open_lake(filled, read_only=True) as lake:
        then, believed = "SELECT now()", "SELECT tracklet_id, animal_id FROM identity_known_as_of(?) ORDER BY ALL"
        [before] = lake.execute(then).fetchall()
        known = lake.execute(believed, before).fetchall()
    assert len(known) == 24
    load_day(filled, replace(SPEC, revision=2, seed=5))
    delete_superseded(filled)
    with open_published(publish(filled)) as herd, open_lake(filled, read_only=True) as lake:
        for connection in (herd, lake):
            assert connection.execute(believed, before).fetchall() == known
            assert connection.execute("SELECT count(*) FROM identity").fetchone() == (12,)


def test_single_embeddings_only_on_request(filled: Settings, tmp_path: Path) -> None:
    with open_published(publish(filled)) as herd, pytest.raises(duckdb.CatalogException, match="embedding"):
        herd.execute("FROM embedding")
    whole = filled.model_copy(update={"publish_embeddings": True})
    with open_published(publish(whole)) as herd, open_lake(filled, read_only=True) as lake:
        assert content(herd, ["embedding"]) == content(lake, ["embedding"])
    target = export(filled, tmp_path / "all.duckdb", embeddings=True)
    with open_published(target) as herd:
        assert herd.execute("SELECT count(*) > 0 FROM embedding").fetchone() == (True,)
        assert herd.execute("SELECT embeddings FROM published").fetchone() == (True,)


def test_days_that_did_not_change_are_kept(filled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out = []
    work_out = herd_file._work_out

    def watch(connection: duckdb.DuckDBPyConnection, name: str, span: str) -> None:
        if name == "animal_day":
            worked_out.append(span)
        work_out(connection, name, span)

    monkeypatch.setattr(herd_file, "_work_out", watch)
    publish(filled)
    assert worked_out == ["BETWEEN DATE '2026-03-02' AND DATE '2026-03-03'"]
    worked_out.clear()
    publish(filled)
    assert worked_out == []
    with open_lake(filled, read_only=True) as lake:
        first = lake.execute("SELECT load_id FROM device_day ORDER BY day").fetchone()[0]
    claim_all(filled, first, confidence=0.7)
    load_day(filled, replace(SPEC, day=SPEC.day + timedelta(2)))
    publish(filled)
    assert worked_out == [f"BETWEEN DATE '{d}' AND DATE '{d}'" for d in ("2026-03-02", "2026-03-04")]


def test_publishing_again_and_again_is_publishing_once(filled: Settings) -> None:
    """Whatever happens between two publications, the file is the one that would be written from nothing."""
    settings = filled
    publish(settings)
    with open_lake(settings, read_only=True) as lake:
        last = lake.execute("SELECT load_id FROM device_day ORDER BY day DESC").fetchone()[0]
    load_day(settings, replace(SPEC, revision=2, seed=3))  # replaces a day
    load_day(settings, replace(SPEC, device_id="barn-a-2", seed=4))  # adds a device to a day
    load_day(settings, replace(SPEC, day=SPEC.day + timedelta(4)))  # adds a day
    claim_all(settings, last, confidence=0.1)  # takes identities away
    gone = {"animal_id": "a1", "pen_id": "demo-farm-pen-1", "valid_from": LONG_AGO, "retracted": True, "source": "x"}
    moved = gone | {"recorded_at": LONG_AGO + timedelta(1)}
    write(settings, lambda lake: insert_rows(lake, "roster.pen_stay", [moved]))
    with open_published(publish(settings)) as herd:
        step_by_step = content(herd, VIEWS)
    settings.published.unlink()
    with open_published(publish(settings)) as herd:
        assert content(herd, VIEWS) == step_by_step


def test_a_changed_threshold_reaches_the_published_file(filled: Settings) -> None:
    publish(filled)
    stricter = filled.model_copy(update={"identity_threshold": 0.95})
    with open_published(publish(stricter)) as herd:
        assert herd.execute("SELECT sum(identified_s) FROM animal_day").fetchone() == (0,)


def test_nobody_is_invited_to_write_into_it(filled: Settings) -> None:
    assert publish(filled).stat().st_mode & 0o777 == 0o444


WRITE_INTO_IT = """
import duckdb, os, sys
herd = duckdb.connect(sys.argv[1])
herd.execute("UPDATE record.bout SET behaviour = 'flying'; DELETE FROM animal_day")
if sys.argv[2] == "killed":
    os.kill(os.getpid(), 9)  # what it wrote stays in the .wal beside
herd.close()
"""


@pytest.mark.parametrize("end", ["closed", "killed"])
def test_what_people_write_into_it_never_reaches_the_next(filled: Settings, end: str) -> None:
    """Not what is in the file, and not what a writer that was killed left beside it."""
    publish(filled).chmod(0o644)
    command = [sys.executable, "-c", WRITE_INTO_IT, str(filled.published), end]
    subprocess.run(command, check=False, timeout=60)
    wal = filled.published.with_name("herd.duckdb.wal")
    assert wal.exists() == (end == "killed")
    if wal.exists():
        with pytest.raises(StorageError, match=r"opened for writing: herd\.duckdb\.wal"):
            open_published(filled.published)
    with open_published(publish(filled)) as herd, open_lake(filled, read_only=True) as lake:
        assert content(herd, VIEWS) == content(lake, VIEWS)
    assert not wal.exists()


def test_a_file_put_in_its_place_is_not_built_on(filled: Settings, tmp_path: Path) -> None:
    other = export(filled, tmp_path / "other.duckdb")
    with duckdb.connect(str(other)) as herd:
        herd.execute("DELETE FROM animal_day")
    publish(filled)
    other.replace(filled.published)
    with open_published(publish(filled)) as herd:
        assert herd.execute("SELECT count(*) FROM animal_day").fetchone() == (6,)


def test_a_damaged_old_file_is_replaced(filled: Settings) -> None:
    filled.published.write_bytes(b"not a database" * 1000)
    with pytest.raises(StorageError, match="not a herd database"):
        open_published(filled.published)
    with open_published(publish(filled)) as herd:
        assert herd.execute("SELECT count(*) FROM animal_day").fetchone() == (6,)


def test_readers_of_the_old_file_are_not_disturbed(filled: Settings) -> None:
    publish(filled)
    with open_published(filled.published) as old, duckdb.connect(str(filled.published), read_only=True) as bare:
        load_day(filled, replace(SPEC, day=SPEC.day + timedelta(2)))
        publish(filled)
        for reader in (old, bare):
            assert reader.execute("SELECT count(DISTINCT day) FROM bout").fetchone() == (2,)
        with open_published(filled.published) as new:
            assert new.execute("SELECT count(DISTINCT day) FROM bout").fetchone() == (3,)


def test_a_publication_that_fails_leaves_the_old_file(filled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = publish(filled).read_bytes()
    monkeypatch.setattr(herd_file, "_FINGERPRINTS", "SELECT nonsense")
    with pytest.raises(StorageError, match="nonsense"):
        publish(filled)
    assert filled.published.read_bytes() == before
    assert not [f for f in filled.home.iterdir() if "part" in f.name]


def publish_now(settings: Settings) -> None:
    publish(settings)


@pytest.mark.slow
def test_killed_at_any_moment_the_old_file_stays_and_the_next_succeeds(filled: Settings) -> None:
    publish(filled)
    context = multiprocessing.get_context("spawn")
    for n in range(10):
        load_day(filled, replace(SPEC, day=SPEC.day + timedelta(10 + n)))
        process = context.Process(target=publish_now, args=(filled,))
        process.start()
        time.sleep(0.8 + 0.2 * n)
        process.kill()
        process.join()
        with open_published(filled.published) as herd:
            assert herd.execute("SELECT count(*) FROM animal_day").fetchone()[0] >= 6
    with open_published(publish(filled)) as herd:
        assert herd.execute("SELECT count(DISTINCT day) FROM animal_day").fetchone() == (12,)
    assert not [f for f in filled.home.iterdir() if "part" in f.name]


def test_an_export_overwrites_nothing(settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "there.duckdb"
    target.write_text("precious")
    with pytest.raises(InputError, match="there already"):
        export(settings, target)
    with pytest.raises(InputError, match="no folder"):
        export(settings, tmp_path / "nowhere" / "x.duckdb")
    assert target.read_text() == "precious"


def test_without_a_lake_nothing_is_published(tmp_path: Path) -> None:
    with pytest.raises(NotInitialisedError):
        publish(Settings(home=tmp_path))
    assert not list(tmp_path.iterdir())


def test_from_postgres_too(any_lake: Settings) -> None:
    fill_lake(any_lake, 1)
    with open_published(publish(any_lake)) as herd:
        assert herd.execute("SELECT count(*) FROM animal_day").fetchone() == (3,)


ATTACKS = [
    "CREATE TABLE x (a INTEGER)",
    "DELETE FROM record.bout",
    "COPY animal_day TO 'x.csv'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "ATTACH 'other.duckdb'",
    "SET enable_external_access = true",
    "LOAD httpfs",
    "INSTALL httpfs",
    "EXPORT DATABASE 'x'",
]


@pytest.fixture(scope="module")
def published(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published file without a single row."""
    home = tmp_path_factory.mktemp("published") / "home"
    shutil.copytree(empty_home, home)
    return publish(Settings(home=home))


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_connection_reads_and_does_nothing_else(
    published: Path, attack: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with herdbook.connect(published) as herd:
        assert herd.execute("SELECT count(*) FROM animal_day").fetchone() == (0,)
        with pytest.raises(duckdb.Error):
            herd.execute(attack)
    assert not list(tmp_path.iterdir())


def test_connect_says_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"nowhere\.duckdb"):
        herdbook.connect(tmp_path / "nowhere.duckdb")


def test_importing_herdbook_is_light() -> None:
    code = "import sys, herdbook; assert not {'duckdb', 'pydantic', 'pyarrow', 'numpy'} & sys.modules.keys()"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
