"""Files that people write (studies, mappings, devices, policies): understood, or refused in one line."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from herdbook.edge.config import read_device_config
from herdbook.fleet.rollout.policy import read_policy
from herdbook.labels.icar.mapping import load_icar_mapping
from herdbook.labels.mapping import load_mapping
from herdbook.labels.series.mapping import load_series_mapping
from herdbook.studies.read import parse_study, write_study
from support.fuzz import cases, ran, refused_or
from support.hostile import JUNK, places
from support.study import STUDY

EXAMPLES = Path(__file__).parents[2] / "docs/examples/labels"
DEVICE = {
    "device_id": "barn-1",
    "farm_id": "farm-1",
    "timezone": "UTC",
    "cameras": [{"camera_id": "c", "pen_id": "p", "width": 160, "height": 120, "fps": 5, "source": "clips"}],
}
FULL = STUDY | {
    "adjust_for": ["age_days"],
    "seed": 3,
    "errors": {"cluster": "pen", "level": 0.9},
    "identity": {"minimum_confidence": 0.7, "weigh": "days"},
    "index": {"at": "midpoint", "longest_interval_days": 14},
}
ODD = [
    *("", "2026-02-30", "[" * 300, "&a [*a]", "? [a]\n: 1", "<<: 3", "- ", ": ", "{", "|", "\t", "? ? ?", "9" * 5000),
    *("!!int x", "!!timestamp y", "!!python/object:os.x {}", "!!bool maybe", "!!float", "!!binary x", "!!set {a, b}"),
    *('"\\ud800"', '"\\0"', "0x", "1:99:99", "1e999", "null: null", "[a]: b", "!<tag:yaml.org,2002:null> 3"),
]
"""What YAML readers stumble over."""


@cases(short=100, nightly=6_000)
@given(data=st.data())
def test_any_value_in_any_place_of_a_study(data: st.DataObject) -> None:
    ran("study files: any value in any place")
    document = copy.deepcopy(FULL)
    spoil(document, data)
    study_of(yaml.safe_dump(document, allow_unicode=True))


@cases(short=100, nightly=4_000)
@given(data=st.data())
def test_any_text_as_a_study(data: st.DataObject) -> None:
    ran("study files: any text")
    study_of(mangled(yaml.safe_dump(FULL, sort_keys=False), data))


def study_of(text: str) -> None:
    study = refused_or(lambda: parse_study(text))
    if study is not None:
        assert parse_study(write_study(study)) == study


READERS: list[tuple[str, Callable[[Path], Any], str]] = [
    ("label mappings", load_mapping, (EXAMPLES / "herd-diary.yaml").read_text()),
    ("collar mappings", load_series_mapping, (EXAMPLES / "collar-activity.yaml").read_text()),
    ("ICAR mappings", load_icar_mapping, (EXAMPLES / "icar-messages.yaml").read_text()),
    ("device.yaml", read_device_config, yaml.safe_dump(DEVICE)),
    ("rollout policies", read_policy, "drift: {}\n"),
]


@pytest.mark.parametrize(("kind", "read", "text"), READERS, ids=[kind for kind, _, _ in READERS])
@cases(short=60, nightly=1_500)
@given(data=st.data())
def test_any_other_file_that_people_write(
    tmp_path_factory: pytest.TempPathFactory, kind: str, read: Callable[[Path], Any], text: str, data: st.DataObject
) -> None:
    ran(f"settings files: {kind}")
    document = yaml.safe_load(text)
    if data.draw(st.booleans()):
        spoil(document, data)
        text = yaml.safe_dump(document, allow_unicode=True)
    else:
        text = mangled(text, data)
    path = tmp_path_factory.getbasetemp() / "given.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    refused_or(lambda: read(path))


def spoil(document: Any, data: st.DataObject) -> None:
    """Put something else into one to three places."""
    for _ in range(data.draw(st.integers(1, 3))):
        found = places(document)
        if found:
            place, key = data.draw(st.sampled_from(found))
            place[key] = data.draw(JUNK | st.dates() | st.binary(max_size=3))


def mangled(text: str, data: st.DataObject) -> str:
    """The text with something cut out and something put in."""
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(len(text), begin + 20)))
    return text[:begin] + data.draw(st.sampled_from(ODD) | st.text(max_size=10)) + text[end:]
