"""Files that name an engine and what it costs::

release: {release_id: compact-7, engine: compact, space_id: compact-7, dimensions: 128, ethogram_id: pig-9}
models: [compact.onnx]                # files it loads, beside this one; they make it what it is
motion: {work_pixels: 65536}          # any other key of device.yaml

parameters: 5400000                   # costs
footprints: [{sku: cpu, size_bytes: 7200000, latency_ms: 41.0}]
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from herdbook.contracts.camera import Contract
from herdbook.contracts.device_day import ReleaseUse
from herdbook.contracts.validation import first_problem
from herdbook.edge.config import DeviceConfig
from herdbook.errors import ConfigurationError, NotFoundError
from herdbook.learning.evaluation.predictions import Engine
from herdbook.learning.evaluation.report import Footprint

_OF_THE_PLACE = ("device_id", "farm_id", "timezone", "cameras", "release")


class _Costs(Contract):
    parameters: Annotated[int, Field(gt=0)] | None = None
    footprints: tuple[Footprint, ...] = ()


def read_engine(path: Path) -> Engine:
    """An engine from its file.

    Raises:
        NotFoundError: the file, or a model that it names, is not there.
        ConfigurationError: it is not valid.
    """
    said = _mapping(path)
    models = tuple(path.parent / str(name) for name in said.pop("models", ()))
    for model in models:
        if not model.is_file():
            raise NotFoundError(f"{path} names {model}, which is not there", "Put the model beside the file.")
    try:
        release = ReleaseUse.model_validate(said.pop("release", None))
        settings = {}
        for name, value in said.items():
            known = DeviceConfig.model_fields.get(name)
            if known is None or name in _OF_THE_PLACE:
                raise ConfigurationError(f"{path}: '{name}' is no setting of an engine")
            settings[name] = TypeAdapter[Any](known.annotation or object).validate_python(value)
    except ValidationError as error:
        raise ConfigurationError(f"{path}, {first_problem(error.errors())}") from error
    return Engine(release=release, settings=settings, models=models)


def read_costs(path: Path) -> tuple[int | None, tuple[Footprint, ...]]:
    """Parameters and footprints from a file.

    Raises:
        NotFoundError: it is not there.
        ConfigurationError: it is not valid.
    """
    try:
        costs = _Costs.model_validate(_mapping(path))
    except ValidationError as error:
        raise ConfigurationError(f"{path}, {first_problem(error.errors())}") from error
    return costs.parameters, costs.footprints


def _mapping(path: Path) -> dict[str, Any]:
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no {path}") from error
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    if not isinstance(said, dict):
        raise ConfigurationError(f"{path} is not a mapping of names to values")
    return said
