"""Roster, enrolment, claims and labels on a PostgreSQL catalog: the same code, the same answers."""

from __future__ import annotations

from pathlib import Path

from herdbook.identity.enrolment import enrol
from herdbook.identity.match import claim_device_day, loads_of
from herdbook.labels.importer import import_labels
from herdbook.labels.mapping import Mapping
from herdbook.lake.load import load_device_day
from herdbook.lake.migrate import migrate
from herdbook.roster.importer import import_roster
from herdbook.settings import Settings
from support.device_day import DaySpec, land, write_device_day
from support.queries import lake_rows

ROSTER = {
    "farms": "farm_id,name,timezone\ndemo-farm,Demo,Europe/London\n",
    "pens": "pen_id,farm_id,name\ndemo-farm-pen-1,demo-farm,One\n",
    "animals": "animal_id,farm_id,species\nP0,demo-farm,pig\nP1,demo-farm,pig\n",
    "pen_stays": "animal_id,pen_id,valid_from\nP0,demo-farm-pen-1,2026-01-01\nP1,demo-farm-pen-1,2026-01-01\n",
}


def test_everything_is_written_once_and_read_back(postgres_dsn: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", catalog=f"postgres:{postgres_dsn}")
    migrate(settings)
    (tmp_path / "roster").mkdir()
    for name, text in ROSTER.items():
        (tmp_path / "roster" / f"{name}.csv").write_text(text, encoding="utf-8")
    assert [t.added for t in import_roster(settings, tmp_path / "roster")] == [1, 1, 2, 2]
    assert [t.added + t.changed for t in import_roster(settings, tmp_path / "roster")] == [0, 0, 0, 0]
    spec = DaySpec(animals=2, tracklets_per_animal=4, embeddings_per_tracklet=8)
    load_device_day(settings, land(tmp_path / "landing", write_device_day(tmp_path / "device", spec)))
    for animal in range(2):
        enrol(settings, f"P{animal}", [f"barn-a-1:2026-03-02:cam:{animal * 4:06d}"])
    [load_id] = loads_of(settings)
    first, again = claim_device_day(settings, load_id), claim_device_day(settings, load_id)
    assert (first.appended, again.appended) == (8, 0)
    assert lake_rows(settings, "SELECT animal_id, count(*) FROM identity GROUP BY ALL ORDER BY ALL") == [
        ("P0", 4),
        ("P1", 4),
    ]
    (tmp_path / "dead.csv").write_text("animal,day\nP0,2026-04-03\n", encoding="utf-8")
    mapping = Mapping.model_validate(
        {
            "source": "s",
            "farm": "demo-farm",
            "timezone": "Europe/London",
            "animal": {"column": "animal", "scheme": "herdbook"},
            "event": {"kind": "death"},
            "occurred_by": "day",
        }
    )
    counts = [
        (d.added, d.unchanged) for d in (import_labels(settings, tmp_path / "dead.csv", "csv", mapping) for _ in "12")
    ]
    assert counts == [(1, 0), (0, 1)]
