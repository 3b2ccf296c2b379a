"""Mapping files: strict, and helpful about what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from herdbook.errors import ConfigurationError, NotFoundError
from herdbook.labels import mapping as module
from herdbook.labels.icar.mapping import load_icar_mapping
from herdbook.labels.kinds import RULES, SCALES, LabelKind
from herdbook.labels.mapping import Mapping, load_mapping
from herdbook.labels.series.mapping import load_series_mapping

EXAMPLES = Path(__file__).parents[2] / "docs/examples/labels"
WEIGHTS: dict[str, Any] = {
    "source": "scales",
    "farm": "hill",
    "timezone": "Europe/London",
    "animal": {"column": "tag"},
    "event": {"kind": "weight", "value": {"column": "kg"}},
    "occurred_by": "date",
}


OTHER_KINDS = {"collar-activity.yaml": load_series_mapping, "icar-messages.yaml": load_icar_mapping}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda p: p.name)
def test_every_example_is_valid(path: Path) -> None:
    assert OTHER_KINDS.get(path.name, load_mapping)(path).source


def test_the_example_in_the_documentation_is_valid() -> None:
    text = (module.__doc__ or "").split("::")[1].split("A file of several kinds")[0]
    assert Mapping.model_validate(yaml.safe_load(text)).all_events[0].kind is LabelKind.LAMENESS_SCORE


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"timezone": "Mars"}, "'Mars' is not a time zone"),
        ({"source": "Our Scales"}, "source: String should match"),
        ({"event": None}, "give either event or events"),
        ({"event": {"kind": "mood"}}, "event.kind"),
        ({"event": {"kind": "weight"}}, "a weight needs a value column"),
        ({"event": {"kind": "weight", "value": {"column": "kg", "unit": "stone"}}}, "a unit among: kg, g, lb"),
        ({"event": {"kind": "weight", "value": {"column": "kg", "scale": "x"}}}, "a weight has no scale"),
        (
            {"event": {"kind": "lameness_score", "value": {"column": "s"}}},
            "needs a scale: locomotion-1-5, mobility-0-3, conformation-1-9",
        ),
        ({"source_id": [False]}, "quote them"),
        ({"observer": {"column": "who", "values": {True: "x"}}}, "quote them"),
        ({"file": {"delimiter": ";;"}}, "file.delimiter"),
        ({"occurred_by": {"format": "%d"}}, "occurred_by.column: Field required"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(yaml.safe_dump({**WEIGHTS, **change}), encoding="utf-8")
    with pytest.raises(ConfigurationError) as refusal:
        load_mapping(path)
    assert "m.yaml is not a label mapping" in refusal.value.message
    assert says in refusal.value.message


def test_what_is_no_yaml_is_said(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("source: [unclosed", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"m\.yaml is not YAML"):
        load_mapping(path)
    path.write_text("", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is not a label mapping"):
        load_mapping(path)
    with pytest.raises(NotFoundError, match="there is no mapping file"):
        load_mapping(tmp_path / "none.yaml")


def test_units_have_a_default_and_scales_do_not() -> None:
    assert Mapping.model_validate(WEIGHTS).all_events[0].unit == "kg"
    assert set(RULES) == set(LabelKind)
    assert {s for rule in RULES.values() for s in rule.scales} == set(SCALES)


@pytest.mark.parametrize(
    ("scale", "on", "off"),
    [
        ("locomotion-1-5", [1, 2.5, 5], [0, 0.5, 2.25, 5.5]),
        ("mobility-0-3", [0, 3], [-1, 1.5, 4]),
        ("conformation-1-9", [1, 9], [0, 5.5, 10]),
        ("condition-1-5", [1, 2.75, 5], [0.75, 2.8]),
    ],
)
def test_a_scale_holds_its_own_values_only(scale: str, on: list[float], off: list[float]) -> None:
    assert all(SCALES[scale].holds(v) for v in on)
    assert not any(SCALES[scale].holds(v) for v in off)
