"""What ``release.json`` must be before anything of it is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from herdbook.contracts.release import Precision, Release
from support.releases import release_document


def test_a_recipes_networks_are_one_per_role_and_in_its_precision_where_there_is_one() -> None:
    release = Release.model_validate(release_document())
    cpu, orin = release.recipes
    assert [(n.role, n.precision) for n in release.networks_for(cpu)] == [
        ("student", Precision.INT8),
        ("behaviour", Precision.FP32),
    ]
    assert [n.precision for n in release.networks_for(orin)] == [Precision.FP32, Precision.FP32]
    assert release.recipe_for("cpu") is cpu
    assert release.recipe_for("orin-nano-4") is None


def test_it_reads_back_as_it_was_written() -> None:
    release = Release.model_validate(release_document())
    assert Release.model_validate_json(release.model_dump_json()) == release


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["files"].pop(),
        lambda d: d["files"].append(d["files"][0]),
        lambda d: d["files"].append({**d["files"][0], "name": "release.json"}),
        lambda d: d["files"][0].update(name="../student.onnx"),
        lambda d: d["recipes"].append(d["recipes"][0]),
        lambda d: d["networks"].append(d["networks"][0]),
        lambda d: d["fixtures"].pop(),
        lambda d: d["recipes"][0]["budget"].update(latency_ms=float("nan")),
        lambda d: d.update(alerts="rules.json"),
        lambda d: d.update(unknown=1),
    ],
)
def test_what_does_not_hold_together_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    document = release_document()
    change(document)
    with pytest.raises(ValidationError):
        Release.model_validate(document)
