"""A farm whose device day is loaded: four pigs in one pen, each with a look of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from herdbook.identity.enrolment import enrol
from herdbook.lake.load import load_device_day
from herdbook.roster.importer import import_roster
from herdbook.settings import Settings
from support.device_day import DaySpec, land, write_device_day

SPEC = DaySpec(animals=4, tracklets_per_animal=5, embeddings_per_tracklet=8)
ROSTER = {
    "farms": "farm_id,name,timezone\ndemo-farm,Demo,Europe/London\n",
    "pens": "pen_id,farm_id,name\ndemo-farm-pen-1,demo-farm,One\ndemo-farm-pen-2,demo-farm,Two\n",
    "animals": "animal_id,farm_id,species\n" + "".join(f"P{i},demo-farm,pig\n" for i in range(6)),
    # P4 and P5 are elsewhere
    "pen_stays": "animal_id,pen_id,valid_from\n"
    + "".join(f"P{i},demo-farm-pen-{1 if i < 4 else 2},2026-01-01\n" for i in range(6)),
}


@pytest.fixture(scope="session")
def loaded_template(lake_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home of a lake with the day; not to be written to."""
    folder = tmp_path_factory.mktemp("loaded")
    shutil.copytree(lake_template, folder / "home")
    settings = Settings(home=folder / "home")
    (folder / "roster").mkdir()
    for name, text in ROSTER.items():
        (folder / "roster" / f"{name}.csv").write_text(text, encoding="utf-8")
    import_roster(settings, folder / "roster")
    load_device_day(settings, land(folder / "landing", write_device_day(folder / "device", SPEC)))
    return folder / "home"


@pytest.fixture(scope="session")
def enrolled_template(loaded_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home of a lake with the day and all four pigs enrolled by their first tracklet; not to be written to."""
    home = tmp_path_factory.mktemp("enrolled") / "home"
    shutil.copytree(loaded_template, home)
    for animal in range(SPEC.animals):
        enrol(Settings(home=home), f"P{animal}", [f"barn-a-1:2026-03-02:cam:{animal * 5:06d}"])
    return home


@pytest.fixture
def all_enrolled(enrolled_template: Path, tmp_path: Path) -> Settings:
    """Settings of a lake with the day and all four pigs enrolled by their first tracklet."""
    shutil.copytree(enrolled_template, tmp_path / "home")
    return Settings(home=tmp_path / "home")


@pytest.fixture
def loaded(loaded_template: Path, tmp_path: Path) -> Settings:
    """Settings of a lake with the day."""
    shutil.copytree(loaded_template, tmp_path / "home")
    return Settings(home=tmp_path / "home")
