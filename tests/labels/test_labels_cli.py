"""``herdbook roster``, ``labels`` and ``animal`` from the command line: output, messages, exit codes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from herdbook.cli import main
from herdbook.errors import FileFormatError, InputError, NotFoundError, RowsQuarantinedError
from herdbook.settings import Settings, get_settings

EXAMPLES = Path(__file__).parents[2] / "docs/examples/labels"
Herdbook = Callable[..., tuple[int, str, str]]


@pytest.fixture
def herdbook(herd: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Herdbook]:
    """Run a command on the small herd: exit code, stdout, stderr."""
    monkeypatch.setenv("HERDBOOK_HOME", str(herd.home))
    get_settings.cache_clear()

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["herdbook", *map(str, arguments)])
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code
        out = capsys.readouterr()
        return int(str(code or 0)), out.out, out.err

    yield run
    get_settings.cache_clear()


def test_an_import_says_what_it_did_and_an_export_gives_it_back(herdbook: Herdbook, tmp_path: Path) -> None:
    given = (
        "labels",
        "import",
        "--format",
        "csv",
        "--mapping",
        EXAMPLES / "herd-diary.yaml",
        EXAMPLES / "herd-diary.csv",
    )
    code, out, _ = herdbook(*given, "--json")
    assert code == 0
    assert json.loads(out)["added"] == 8
    _, _, said = herdbook(*given)
    assert "8 unchanged" in said
    assert herdbook("labels", "export", tmp_path / "out" / "labels.csv", "--kind", "weight")[0] == 0
    [weight] = csv.DictReader((tmp_path / "out" / "labels.csv").read_text(encoding="utf-8").splitlines())
    assert (weight["animal_id"], weight["value_number"], weight["unit"]) == ("A1", "112.5", "kg")
    _, out, _ = herdbook("labels", "export", "--known-as-of", "2020-01-01")
    assert out.splitlines()[1:] == []


def test_rows_set_aside_end_with_a_code_of_their_own_unless_allowed(herdbook: Herdbook, tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("tag,date,kg\n999,2024-05-03,80\n101,2024-05-03,80\n", encoding="utf-8")
    (tmp_path / "w.yaml").write_text(
        "{source: s, farm: hill, timezone: UTC, animal: {column: tag}, occurred_by: date, "
        "event: {kind: weight, value: {column: kg}}}",
        encoding="utf-8",
    )
    given = ("labels", "import", "--format", "csv", "--mapping", tmp_path / "w.yaml", tmp_path / "w.csv")
    code, _, said = herdbook(*given)
    assert code == RowsQuarantinedError.exit_code
    assert "1 rows were set aside in" in said
    assert ".csv" in said
    assert herdbook(*given, "--allow-quarantine")[0] == 0


def test_a_format_that_is_not_known_is_refused(herdbook: Herdbook) -> None:
    code, _, said = herdbook("labels", "import", "--format", "xls", "--mapping", "m.yaml", EXAMPLES / "herd-diary.csv")
    assert code == FileFormatError.exit_code
    assert "Known formats are: csv, xlsx" in said
    assert "Traceback" not in said


def test_icar_messages_go_in_and_come_out_and_what_is_wrong_is_one_message(herdbook: Herdbook, tmp_path: Path) -> None:
    weight = {
        "resourceType": "WeightEvent",
        "id": "1",
        "eventDateTime": "2024-05-03T10:00:00",
        "weight": {"measurement": 80},
    }
    sent = weight | {"animal": {"scheme": "management", "id": "101"}}
    (tmp_path / "m.json").write_text(json.dumps(sent), encoding="utf-8")
    (tmp_path / "m.yaml").write_text("{source: mro, farm: hill, timezone: Europe/London}", encoding="utf-8")
    given = ("labels", "import", "--format", "icar-ade", "--mapping", tmp_path / "m.yaml", tmp_path / "m.json")
    code, _, said = herdbook(*given)
    assert (code, "1 added" in said, "1 messages" in said) == (0, True, True)
    assert "eventDateTime is a time without a zone: read in Europe/London" in said
    _, out, _ = herdbook("labels", "export", "--format", "icar-ade")
    assert json.loads(out)["member"] == [sent]
    (tmp_path / "m.json").write_text("{", encoding="utf-8")
    code, _, said = herdbook(*given)
    assert (code, "m.json is not JSON" in said, "Traceback" in said) == (FileFormatError.exit_code, True, False)
    assert herdbook("labels", "sync", "nobody")[0] == NotFoundError.exit_code
    assert herdbook("labels", "agreement", "--scale", "locomotion-1-5")[0] == NotFoundError.exit_code
    assert herdbook("labels", "agreement", "--scale", "1-to-5")[0] == InputError.exit_code
    assert json.loads(herdbook("labels", "lame", "--json")[1])[0]["definition"] == "mildly-lame/1"
    assert json.loads(herdbook("labels", "attention")[1])["member"] == []


def test_kinds_are_listed(herdbook: Herdbook) -> None:
    _, out, _ = herdbook("labels", "kinds", "--json")
    assert {"kind": "weight", "value": "number", "scales": "", "units": "kg, g, lb", "values": ""} in json.loads(out)


def test_a_roster_is_imported_or_refused_as_a_whole(herdbook: Herdbook, tmp_path: Path) -> None:
    (tmp_path / "pens.csv").write_text("pen_id,farm_id,name\np1,hill,North\n", encoding="utf-8")
    code, out, _ = herdbook("roster", "import", tmp_path, "--json")
    assert (code, json.loads(out)[0]["added"]) == (0, 1)
    (tmp_path / "pens.csv").write_text("pen_id,farm_id,name\np2,[dale],North\n", encoding="utf-8")
    code, _, said = herdbook("roster", "import", tmp_path)
    assert code == InputError.exit_code
    assert "pens.csv, row 2, farm_id: '[dale]'" in said


def test_animals_of_no_roster_are_not_enrolled(herdbook: Herdbook) -> None:
    code, _, said = herdbook("animal", "enrol", "A9", "--tracklet", "t")
    assert code == NotFoundError.exit_code
    assert "the roster has no animal 'A9'" in said
    assert json.loads(herdbook("animal", "enrolled", "--json")[1]) == []
    assert herdbook("animal", "claim", "--day", "2024-05-03")[0] == NotFoundError.exit_code
    assert herdbook("animal", "unenrol", "A1")[0] == NotFoundError.exit_code
