"""Read a study's definition: YAML in which every key is known and none is said twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from herdbook.contracts.validation import first_problem
from herdbook.errors import NotFoundError, StudyDefinitionError
from herdbook.studies.definition import Study


class _Loader(yaml.SafeLoader):
    """Safe, and no key twice: the later would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As the base class does, once keys are known to differ."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' is said twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_study(path: Path) -> Study:
    """The definition in a file.

    Raises:
        NotFoundError: there is no such file.
        StudyDefinitionError: it is not a study's definition; the message names the first fault.
        LeakageError: it asks for what lies on or past the index day.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFoundError(f"there is no study {path}", "Check the path.") from error
    return parse_study(text, path.name)


def parse_study(text: str, name: str = "the definition") -> Study:
    """The definition in a text.

    Args:
        text: YAML.
        name: what messages call it.

    Raises:
        StudyDefinitionError: it is not a study's definition.
        LeakageError: it asks for what lies on or past the index day.
    """
    try:
        found = yaml.load(text, _Loader)  # noqa: S506 - it is a safe one
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise StudyDefinitionError(f"{name}{where}: {problem}") from error
    if not isinstance(found, dict):
        raise StudyDefinitionError(f"{name} does not hold a study's fields")
    try:
        return Study.model_validate(found)
    except ValidationError as error:
        raise StudyDefinitionError(f"{name}: {first_problem(error.errors())}") from error


def write_study(study: Study) -> str:
    """A definition as YAML with every field, so that it means the same when a default has changed."""
    return yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
