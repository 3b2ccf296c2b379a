"""YAML that people write: read so that whatever is wrong with it is one line, and nothing in it is silently lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

MAX_CHARACTERS = 1 << 20
"""A file that a person wrote is far smaller; a larger one would keep the reader busy for minutes."""


class YamlTextError(ValueError):
    """A text is not YAML, or not YAML that we read; the message is one line and says where."""


def parse_yaml(text: str) -> Any:
    """What a text holds: plain values, lists and mappings.

    Refused are a key that is said twice (the later would silently win), text that holds what is no character, and
    values that are none of what they are marked as.

    Raises:
        YamlTextError: it is none of this.
    """
    if len(text) > MAX_CHARACTERS:
        raise YamlTextError(f"has {len(text)} characters, at most {MAX_CHARACTERS} are read")
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - it is a safe one
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or (str(error).splitlines() or ["cannot be read"])[0]
        raise YamlTextError(f"{where}{problem}") from error
    except RecursionError as error:
        raise YamlTextError("is nested too deeply") from error
    # What PyYAML's own constructors let through, for example of 2026-02-30 or !!int x.
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise YamlTextError(
            f"holds a value that is none: {str(error).partition(chr(10))[0] or type(error).__name__}"
        ) from (error)


def read_yaml(path: Path) -> Any:
    """What a file holds, as `parse_yaml`.

    Raises:
        OSError: it cannot be read.
        YamlTextError: it is not UTF-8 text, or not YAML.
    """
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise YamlTextError(f"is not UTF-8 text: {error}") from error


class _Loader(yaml.SafeLoader):
    """Safe, no key twice, and only what is a character."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As the base class does, once keys are known to differ."""
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is no plain value", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' is said twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> str:
        """As the base class does, of characters."""
        value: str = super().construct_scalar(node)
        if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            raise yaml.constructor.ConstructorError(None, None, "holds what is no character", node.start_mark)
        return value
