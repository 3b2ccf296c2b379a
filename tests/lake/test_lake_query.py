"""``herdbook sql``, ``lake`` and ``export``: what people and programs see of the herd."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from herdbook.cli import main
from herdbook.errors import NotFoundError, QueryError
from herdbook.lake.pins import pin
from herdbook.lake.publish import publish
from herdbook.lake.query import ask
from herdbook.lake.transaction import write
from herdbook.settings import Settings, get_settings
from support.lake_home import SPEC

Run = Callable[..., "Done"]


@dataclass(frozen=True)
class Done:
    """What a command printed and how it ended."""

    stdout: str
    stderr: str
    returncode: int


@pytest.fixture
def run(filled: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """The command line on a lake with two days."""
    monkeypatch.setenv("HERDBOOK_HOME", str(filled.home))
    monkeypatch.setenv("COLUMNS", "200")
    get_settings.cache_clear()

    def call(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["herdbook", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = capsys.readouterr()
        return Done(printed.out, printed.err, int(caught.value.code or 0))

    yield call
    get_settings.cache_clear()


def test_the_published_file_answers(filled: Settings) -> None:
    publish(filled)
    answer = ask(filled, "SELECT day, count(*) AS animals FROM animal_day GROUP BY day ORDER BY day")
    assert answer.columns == ["day", "animals"]
    assert [animals for _, animals in answer.rows] == [SPEC.animals, SPEC.animals]
    assert ask(filled, "DESCRIBE animal_day").rows[0][0] == "farm_id"
    assert ("animal_day",) in ask(filled, "SHOW TABLES").rows


def test_the_lake_answers_as_it_is_and_as_it_was(filled: Settings) -> None:
    then = pin(filled, "then").snapshot_id
    write(filled, lambda lake: lake.execute("DELETE FROM record.device_day"))
    assert ask(filled, "SELECT count(*) FROM device_day", lake=True).rows == [(0,)]
    assert ask(filled, "SELECT count(*) FROM device_day", snapshot=then).rows == [(2,)]


@pytest.mark.parametrize("lake", [False, True])
@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT lyng_s FROM animal_day", "lyng_s"),
        ("SELECT * FROM animals", "animals"),
        ("SELEC 1", "LINE 1"),
        ("", "one query"),
        ("SELECT 1; SELECT 2", "one query"),
        ("DELETE FROM record.bout", "one query"),
        ("CREATE TABLE x (a INTEGER)", "one query"),
        ("COPY animal_day TO 'x.csv'", "one query"),
        ("CALL ducklake_expire_snapshots('lake', versions => [1])", "one query"),
        ("EXPLAIN ANALYZE DELETE FROM record.bout", "read-only"),
    ],
)
def test_what_is_not_one_valid_query_that_reads_is_refused(
    read_only_herd: Settings, sql: str, says: str, lake: bool
) -> None:
    with pytest.raises(QueryError, match=says):
        ask(read_only_herd, sql, lake=lake)


@pytest.fixture(scope="module")
def read_only_herd(filled_home: Path) -> Settings:
    """A herd that every test may ask, since none can change it."""
    settings = Settings(home=filled_home)
    publish(settings)
    return settings


def test_a_process_keeps_to_its_share_of_the_memory(filled: Settings) -> None:
    small = filled.model_copy(update={"query_memory": "64 MiB"})
    (limit,) = ask(small, "SELECT current_setting('memory_limit')", lake=True).rows[0]
    assert limit == "64.0 MiB"
    with pytest.raises(QueryError, match="Out of Memory"):
        ask(
            small,
            "SELECT count(DISTINCT list_transform(range(100), x -> x + i)) FROM range(1000000) AS t(i)",
            lake=True,
        )


def test_nothing_published_is_said(settings: Settings) -> None:
    with pytest.raises(NotFoundError, match="no published herd"):
        ask(settings, "SELECT 1")


def test_the_command_line(filled: Settings, run: Run, tmp_path: Path) -> None:
    publish(filled)
    rows = run("sql", "SELECT animal_id, day FROM animal_day ORDER BY ALL", "--json")
    assert json.loads(rows.stdout)[0] == {"animal_id": "a0", "day": "2026-03-02"}
    wrong = run("sql", "SELECT lyng_s FROM animal_day")
    assert (wrong.returncode, wrong.stdout) == (15, "")
    assert "lyng_s" in wrong.stderr
    assert "lying_s" in wrong.stderr, "DuckDB's suggestion is passed on"
    assert "Traceback" not in wrong.stderr
    assert run("lake", "check", "--new").returncode == 0
    pinned = run("lake", "pin", "x", "--json")
    assert json.loads(pinned.stdout)[0]["name"] == "x"
    assert json.loads(run("sql", "--pin", "x", "SELECT count(*) AS n FROM bout", "--json").stdout)[0]["n"] > 0
    exported = run("export", str(tmp_path / "out.duckdb"), "--embeddings", "--json")
    assert json.loads(exported.stdout)["bytes"] > 0
    compacted = run("lake", "compact", "--json")
    assert json.loads(compacted.stdout)[0]["superseded_loads"] == 0
    kept = run("backup", "--json")
    assert Path(json.loads(kept.stdout)["backup"], "catalog.sqlite").is_file()


def test_json_is_json_whatever_the_query_gives(filled: Settings, run: Run) -> None:
    publish(filled)
    sql = """SELECT 1 AS x, 2 AS x, 'nan'::DOUBLE AS n, ['inf'::DOUBLE, 1.5] AS l, 0.1::DECIMAL(4, 2) AS d,
             MAP {DATE '2026-03-02': 3.5::DECIMAL(4, 1)} AS m, {'a': 'nan'::FLOAT} AS s, NULL AS z, true AS b"""
    done = run("sql", sql, "--json")
    [row] = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert row == {
        "x": 1, "x_1": 2, "n": None, "l": [None, 1.5], "d": 0.1, "m": {"2026-03-02": 3.5}, "s": {"a": None}, "z": None,
        "b": True,
    }  # fmt: skip


def test_a_failed_check_has_its_exit_code(filled: Settings, run: Run) -> None:
    write(filled, lambda lake: lake.execute("INSERT INTO record.tracklet FROM record.tracklet"))
    done = run("lake", "check", "--json")
    assert done.returncode == 43
    failed = [result["name"] for result in json.loads(done.stdout) if result["failed"]]
    assert "record/tracklet.unique_id" in failed
    assert "record/tracklet.unique_id" in done.stderr
