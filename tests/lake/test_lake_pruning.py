"""A question about one farm and day opens the files of that day alone, however many days the lake has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import duckdb
import pytest

from herdbook.lake import maintenance
from herdbook.lake.attach import open_lake
from herdbook.settings import Settings
from support.device_day import DaySpec
from support.lake_home import load_day

SPEC = DaySpec(animals=2, tracklets_per_animal=6)
DAYS, FARMS = 4, 2
ONE = f"day = '{SPEC.day + timedelta(2)}' AND farm_id = 'farm-1'"
LARGE = ("tracklet", "bout", "activity", "embedding")
"""Tables with more rows per load than stay in the catalog: a file each."""


def opened(lake: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, int]]:
    """Files that each scan of a large table opens."""
    rows = lake.execute(f"EXPLAIN (ANALYZE, FORMAT json) {query}").fetchall()

    def scans(node: dict[str, Any]) -> Iterator[tuple[str, int]]:
        said = node.get("extra_info") or {}
        if isinstance(said, dict) and "Total Files Read" in said and said.get("Table") in LARGE:
            yield said["Table"], int(said["Total Files Read"])
        for child in node.get("children", []):
            yield from scans(child)

    return list(scans(json.loads(rows[0][1])))


@pytest.fixture
def days(settings: Settings) -> Settings:
    """A lake of some days of two farms."""
    for n in range(DAYS):
        for farm in range(FARMS):
            day = SPEC.day + timedelta(n)
            load_day(settings, replace(SPEC, device_id=f"barn-{farm}", farm_id=f"farm-{farm}", day=day, seed=n))
    return settings


@pytest.mark.parametrize(
    "view",
    ["tracklet", "bout", "animal_timeline", "animal_hour", "animal_presence", "pen_tracked", "pen_day", "animal_day"],
)
def test_one_farm_and_day_opens_one_file_a_table(days: Settings, view: str) -> None:
    with open_lake(days, read_only=True) as lake:
        found = opened(lake, f"SELECT * FROM {view} WHERE {ONE}")
    assert found
    assert {files for _, files in found} == {1}


def test_days_open_as_many_files_as_they_have_loads(days: Settings) -> None:
    first, last = SPEC.day, SPEC.day + timedelta(1)
    with open_lake(days, read_only=True) as lake:
        assert opened(lake, f"SELECT * FROM bout WHERE day BETWEEN '{first}' AND '{last}'") == [("bout", 2 * FARMS)]
        assert opened(lake, "SELECT * FROM bout WHERE farm_id = 'farm-1'") == [("bout", DAYS)]
        listed = lake.execute("FROM ducklake_list_files('lake', 'bout', schema => 'record')").fetchall()
        assert len(listed) == DAYS * FARMS


def test_merged_files_are_still_told_apart_by_day(days: Settings) -> None:
    maintenance.compact(days)
    with open_lake(days, read_only=True) as lake:
        (file,) = (
            row[0] for row in lake.execute("FROM ducklake_list_files('lake', 'bout', schema => 'record')").fetchall()
        )
        ids = [row[0] for row in lake.execute("SELECT load_id FROM read_parquet(?)", [file]).fetchall()]
    assert ids == sorted(ids), "row groups stay narrow in time"
