"""What an assignment must be, and where its files lie."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from herdbook.contracts.assignment import (
    Assignment,
    Window,
    assignment_target,
    plan_target,
    pool_target,
    release_target,
)
from herdbook.contracts.hardware import Hardware
from support.releases import DIGEST, assignment_document


def test_it_names_each_file_by_its_digest() -> None:
    assignment = Assignment.model_validate(assignment_document())
    assert assignment.digest_of("release.json") == DIGEST
    assert assignment.digest_of("other") is None


@pytest.mark.parametrize("path", ["/etc/passwd", "releases/../root.json", "releases//x", "a/./b", "Root", ""])
def test_a_path_that_leaves_its_folder_is_refused(path: str) -> None:
    file = assignment_document()["files"][0]
    with pytest.raises(ValidationError):
        Assignment.model_validate(assignment_document(files=[{**file, "path": path}]))


def test_every_kind_of_target_is_a_path_that_an_assignment_may_name() -> None:
    key = Hardware(sku="orin-nx-16", memory_mib=15_656, jetpack="7.2", tensorrt="10.16.1", cuda="13.0").engine_key
    paths = [
        release_target("compact-1", "student.int8.onnx"),
        plan_target("compact-1", key, "student.plan"),
        pool_target("barn-1", "pools.parquet"),
        assignment_target("barn-1"),
    ]
    file = assignment_document()["files"][0]
    assert Assignment.model_validate(assignment_document(files=[{**file, "path": path} for path in paths]))


def test_engines_are_shared_between_equal_machines_only() -> None:
    one = Hardware(sku="orin-nx-16", memory_mib=15_656, jetpack="7.2", tensorrt="10.16.1", cuda="13.0", serial="1")
    assert one.engine_key == one.model_copy(update={"serial": "2"}).engine_key
    for change in ({"memory_mib": 7_620}, {"tensorrt": "10.16.2"}, {"cuda": "13.1"}, {"sku": "orin-nano-8"}):
        assert one.engine_key != one.model_copy(update=change).engine_key


@pytest.mark.parametrize(
    ("begins", "ends", "open_at_noon"),
    [("09:00", "13:00", True), ("13:00", "14:00", False), ("22:00", "04:00", False), ("11:00", "03:00", True)],
)
def test_windows_are_in_the_farms_own_time(begins: str, ends: str, open_at_noon: bool) -> None:
    noon = datetime(2026, 6, 1, 11, tzinfo=UTC)
    window = Window.model_validate({"begins": begins, "ends": ends})
    assert window.contains(noon, "Europe/London") is open_at_noon


@pytest.mark.parametrize(
    ("begins", "ends", "said"),
    [
        ("22:00Z", "04:00", "no time zone"),
        ("22:00", "04:00+02:00", "no time zone"),
        ("22:00", "22:00", "ends when it begins"),
    ],
)
def test_a_window_is_hours_of_the_farm_and_some_of_them(begins: str, ends: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Window.model_validate({"begins": begins, "ends": ends})
