"""A small herd to hang labels on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from herdbook.labels.importer import import_labels
from herdbook.labels.landing import ImportResult
from herdbook.labels.mapping import Mapping
from herdbook.roster.importer import import_roster
from herdbook.settings import Settings
from support.weights import WEIGHTS

ROSTER = {
    "farms": "farm_id,name,timezone\nhill,Hill Farm,Europe/London\n",
    "animals": "animal_id,farm_id,species,sex,born_on\nA1,hill,pig,female,2023-11-30\nA2,hill,pig,female,\n"
    "A3,hill,pig,female,\nA4,hill,pig,female,\n",
    # tag 104 was A3's until noon of 3 May 2024, then A4's
    "identifiers": "animal_id,farm_id,scheme,identifier,valid_from,valid_to\n"
    "A1,hill,management,101,2023-12-01,\nA2,hill,management,102,2023-12-01,\nA3,hill,management,103,2023-12-01,\n"
    "A3,hill,management,104,2023-12-01,2024-05-03T12:00\nA4,hill,management,104,2024-05-03T12:00,\n",
}


@pytest.fixture(scope="session")
def herd_template(lake_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home of a lake with the herd; not to be written to."""
    folder = tmp_path_factory.mktemp("herd")
    shutil.copytree(lake_template, folder / "home")
    (folder / "roster").mkdir()
    for name, text in ROSTER.items():
        (folder / "roster" / f"{name}.csv").write_text(text, encoding="utf-8")
    import_roster(Settings(home=folder / "home"), folder / "roster")
    return folder / "home"


@pytest.fixture
def herd(herd_template: Path, tmp_path: Path) -> Settings:
    """Settings of a lake with the herd."""
    shutil.copytree(herd_template, tmp_path / "home")
    return Settings(home=tmp_path / "home")


Weigh = Callable[..., ImportResult]


@pytest.fixture
def weigh(herd: Settings, tmp_path: Path) -> Weigh:
    """Import lines ``tag,date,kg,id`` as weights; keywords change the mapping."""

    def run(*lines: str, **changes: Any) -> ImportResult:
        file = tmp_path / "weights.csv"
        file.write_text("\n".join(["tag,date,kg,id", *lines, ""]), encoding="utf-8")
        return import_labels(herd, file, "csv", Mapping.model_validate({**WEIGHTS, **changes}))

    return run
