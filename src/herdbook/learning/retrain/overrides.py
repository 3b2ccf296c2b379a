"""Parameters changed by name: ``distil.schedule.steps=900``, in the profile that is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from herdbook.contracts.validation import first_problem
from herdbook.errors import ConfigurationError
from herdbook.learning.params import Params


def parse_settings(said: Sequence[str]) -> dict[str, Any]:
    """``path=value`` as a mapping; values are YAML.

    Raises:
        ConfigurationError: one is not of that form.
    """
    found = {}
    for one in said:
        path, equals, value = one.partition("=")
        if not equals or not path:
            raise ConfigurationError(f"'{one}' sets nothing", "Say path=value, for example distil.schedule.steps=900.")
        try:
            found[path] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigurationError(f"{path}: '{value}' is not a YAML value") from error
    return found


def override(params: Params, values: Mapping[str, Any]) -> Params:
    """The parameters with some of the used profile's changed.

    Args:
        params: as they are.
        values: by dotted path below the profile.

    Raises:
        ConfigurationError: there is no such parameter, or the value is not valid.
    """
    document = params.model_dump(mode="json")
    for path, value in values.items():
        *above, last = path.split(".")
        place = document["profiles"][params.profile]
        for name in above:
            place = place.get(name) if isinstance(place, dict) else None
        if not isinstance(place, dict) or (last not in place):
            there = ", ".join(sorted(place)) if isinstance(place, dict) else "nothing below"
            raise ConfigurationError(f"profile {params.profile} has no parameter '{path}'", f"There: {there}.")
        place[last] = value
    try:
        return Params.model_validate(document)
    except ValidationError as error:
        raise ConfigurationError(f"parameters: {first_problem(error.errors())}") from error
