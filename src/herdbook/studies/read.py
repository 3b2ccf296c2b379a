"""Read a study's definition: YAML in which every key is known and none is said twice."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import ValidationError

from herdbook.contracts.validation import first_problem
from herdbook.contracts.yamltext import YamlTextError, parse_yaml
from herdbook.errors import NotFoundError, StudyDefinitionError
from herdbook.studies.definition import Study


def read_study(path: Path) -> Study:
    """The definition in a file.

    Raises:
        NotFoundError: there is no such file.
        StudyDefinitionError: it is not a study's definition; the message names the first fault.
        LeakageError: it asks for what lies on or past the index day.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFoundError(f"there is no study {path}", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise StudyDefinitionError(f"{path.name} is not UTF-8 text: {error}") from error
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
        found = parse_yaml(text)
    except YamlTextError as error:
        raise StudyDefinitionError(
            f"{name}, {error}" if str(error).startswith("line") else f"{name} {error}"
        ) from error
    if not isinstance(found, dict):
        raise StudyDefinitionError(f"{name} does not hold a study's fields")
    try:
        return Study.model_validate(found)
    except ValidationError as error:
        raise StudyDefinitionError(f"{name}: {first_problem(error.errors())}") from error


def write_study(study: Study) -> str:
    """A definition as YAML with every field, so that it means the same when a default has changed."""
    return yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
