"""`import_labels`: what lies in the drop folder is imported and filed away; what cannot be read stays there."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from herdbook.lake.attach import open_lake
from herdbook.roster.importer import import_roster
from herdbook.settings import Settings
from herdbook.simulate.plan import FarmPlan, LamenessPlan
from herdbook.simulate.run import prepare_farm
from support.airflow_home import AirflowHome
from support.icar_server import SECRET, IcarServer, serving

COLLAR = {
    "source": "collar", "farm": "demo-farm", "timezone": "Europe/London", "animal": {"column": "cow"},
    "time": {"column": "at"}, "hours": 2, "measures": {"activity": {"column": "value"}},
}  # fmt: skip
NIGHT = "2026-03-05T01:00:00+00:00"


def drop(settings: Settings, source: str, name: str, content: bytes, *, folder: str = "labels") -> Path:
    path = settings.inbox / folder / source / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - 3600,) * 2)
    return path


def test_files_are_imported_and_filed_away_and_the_unreadable_one_stays(
    airflow: AirflowHome, settings: Settings, tmp_path: Path
) -> None:
    prepare_farm(FarmPlan(lameness=LamenessPlan(animals=2)), tmp_path / "farm")
    import_roster(settings, tmp_path / "farm" / "roster")
    for path in (tmp_path / "farm" / "labels").iterdir():
        drop(settings, "herd-notes", path.name, path.read_bytes())
    broken = drop(settings, "vet", "visits.csv", b"no mapping says what this is")
    drop(settings, "collar", "march.csv", b"cow,at,value\n0001,2026-03-01 02:00,17\n", folder="series")
    drop(settings, "collar", "mapping.yaml", json.dumps(COLLAR).encode(), folder="series")

    run = airflow.test("import_labels", NIGHT, settings.home, env={"HERDBOOK_RETRIES": "0"})

    states = {task.name: task.state for task in run.of("one_file.import_file")}
    good = {f"herd-notes/{name}.csv": "success" for name in ("diagnoses", "lameness", "weights")}
    good["collar/march.csv"] = "success"
    assert states == good | {"vet/visits.csv": "failed"}
    assert {task.name for task in run.of("one_file.file_away") if task.state == "success"} == set(good)
    assert run.state == "success"
    assert len(run.events["farm labels"]["files"]) == 4
    assert broken.exists()
    assert "vet" in settings.alerts.read_text()
    with open_lake(settings, read_only=True) as lake:
        kinds = lake.execute("SELECT kind FROM label_current GROUP BY kind ORDER BY kind").fetchall()
        readings = lake.execute("SELECT source, value FROM sensor_reading").fetchall()
    assert kinds == [("diagnosis",), ("lameness_score",), ("weight",)]
    assert readings == [("collar", 17)]


def test_servers_are_followed_and_one_that_fails_does_not_hold_up_the_others(
    airflow: AirflowHome, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "farms.csv").write_text("farm_id,name,timezone\nhill,Hill,UTC\n", encoding="utf-8")
    import_roster(settings, tmp_path)
    for folder in (settings.sync, settings.secrets / "sync"):
        folder.mkdir(parents=True)
    with serving(IcarServer([[{"resourceType": "Location", "identifier": {"scheme": "s", "id": "1"}}]])) as server:
        for name, url in (("mro", server.url), ("vet", "http://127.0.0.1:1/changes")):
            mapping = {"source": name, "farm": "hill", "timezone": "UTC"}
            (settings.sync / f"{name}.yaml").write_text(json.dumps({"url": url, "mapping": mapping}))
            (settings.secrets / "sync" / f"{name}.token").write_text(SECRET)
        run = airflow.test("import_labels", NIGHT, settings.home, env={"HERDBOOK_RETRIES": "0"})
    assert {task.name: task.state for task in run.of("sync_server")} == {"mro": "success", "vet": "failed"}
    assert run.events["farm labels"] == {"files": [], "servers": ["mro"]}
    with open_lake(settings, read_only=True) as lake:
        assert lake.execute("SELECT name, token FROM label.sync").fetchall() == [("mro", "1")]


def test_an_empty_inbox_is_nothing_to_speak_of(airflow: AirflowHome, settings: Settings) -> None:
    run = airflow.test("import_labels", NIGHT, settings.home)
    assert run.state == "success"
    assert run.events == {}
