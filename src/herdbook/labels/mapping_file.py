"""Files that say how a farm's files are to be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from herdbook.contracts import yamltext
from herdbook.contracts.camera import Contract
from herdbook.contracts.validation import first_problem
from herdbook.contracts.yamltext import YamlTextError
from herdbook.errors import ConfigurationError, NotFoundError

M = TypeVar("M", bound=Contract)


def read_mapping(path: Path, kind: type[M], what: str) -> M:
    """Read a mapping file of one kind; ``what`` it maps is said where it does not.

    Raises:
        NotFoundError: there is no such file.
        ConfigurationError: it is not YAML, or not such a mapping; the message names the key.
    """
    try:
        return kind.model_validate(read_yaml(path))
    except ValidationError as error:
        problem = first_problem(error.errors(), "mapping")
        raise ConfigurationError(f"{path.name} is not a mapping of {what}: {problem}") from error


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        NotFoundError: there is no such file.
        ConfigurationError: it is not YAML.
    """
    try:
        return yamltext.read_yaml(path)
    except OSError as error:
        raise NotFoundError(f"there is no mapping file {path}", "Check the path.") from error
    except YamlTextError as error:
        raise ConfigurationError(f"{path.name} is not YAML: {error}") from error
