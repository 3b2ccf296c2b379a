"""YAML that people write: what fuzzing found to end in a traceback, or to lose something silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.contracts.yamltext import MAX_CHARACTERS, YamlTextError, parse_yaml, read_yaml
from herdbook.edge.config import read_device_config
from herdbook.errors import ConfigurationError, StudyDefinitionError
from herdbook.studies.read import parse_study


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2", "line 2: 'a' is said twice"),
        ("? [a]\n: 1", "line 1: a key is no plain value"),
        ("day: 2026-02-30", "holds a value that is none"),
        ("a: !!int x", "holds a value that is none"),
        ("a: !!timestamp y", "holds a value that is none"),
        ("[" * 5000, "nested too deeply"),
        ('a: "\\ud800"', "line 1: holds what is no character"),
        ('a: "\\0"', "line 1: holds what is no character"),
        ("!!python/object/apply:os.system [id]", "line 1"),
        ("x" * (MAX_CHARACTERS + 1), "characters, at most"),
    ],
)
def test_what_cannot_be_read_is_one_line(text: str, said: str) -> None:
    with pytest.raises(YamlTextError, match=said) as refused:
        parse_yaml(text)
    assert "\n" not in str(refused.value)


def test_plain_values_lists_and_mappings_are_read() -> None:
    assert parse_yaml("a: [1, x, 2026-01-01]\n<<: {b: null}")["b"] is None
    assert parse_yaml("") is None


def test_the_files_of_people_are_read_by_it(tmp_path: Path) -> None:
    with pytest.raises(StudyDefinitionError, match="line 1: a key is no plain value"):
        parse_study("? [a]\n: 1")
    (tmp_path / "device.yaml").write_bytes(b"\xff")
    with pytest.raises(YamlTextError, match="UTF-8"):
        read_yaml(tmp_path / "device.yaml")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_device_config(tmp_path / "device.yaml")
