"""Files that name an engine and what it costs::

release: {release_id: compact-7, engine: compact, space_id: compact-7, dimensions: 64, ethogram_id: pig-9}
models: [network.json, student.onnx, behaviour.onnx]   # files it loads, beside this one; they make it what it is
compact: {lost_s: 10}                                  # any other key of device.yaml

parameters: 5400000                                    # costs
footprints: [{sku: cpu, size_bytes: 7200000, latency_ms: 41.0}]

The folder of a learned engine's file is its release folder: `herdbook.edge.perception.network`.
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
from herdbook.edge.perception.network import read_network
from herdbook.errors import ConfigurationError, NotFoundError
from herdbook.learning.evaluation.predictions import Engine
from herdbook.learning.evaluation.report import Footprint

_OF_THE_PLACE = ("device_id", "farm_id", "timezone", "cameras", "release", "network")


class _Costs(Contract):
    parameters: Annotated[int, Field(gt=0)] | None = None
    footprints: tuple[Footprint, ...] = ()


def read_engine(path: Path) -> Engine:
    """An engine from its file.

    Raises:
        NotFoundError: the file, or a model that it names, is not there.
        ConfigurationError: it is not valid, or leaves out a file that a learned engine loads.
    """
    said = {name: value for name, value in _mapping(path).items() if name not in _Costs.model_fields}
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
    network = None if release.engine == "motion" else path.parent
    _check_models(path, network, models)
    return Engine(release=release, settings=settings, models=models, network=network)


def _check_models(path: Path, network: Path | None, models: tuple[Path, ...]) -> None:
    """What a learned engine loads must be among the files that its digest is of."""
    if network is None:
        return
    told = read_network(network)
    loaded = set(told.files)
    if told.student is None:  # then it is a teacher's
        loaded |= {
            file.name for file in network.iterdir() if file.name == "config.json" or file.suffix == ".safetensors"
        }
    unsaid = loaded - {model.name for model in models if model.parent == network}
    if unsaid:
        raise ConfigurationError(f"{path}: models leaves out {', '.join(sorted(unsaid))}", "Name every file it loads.")


def read_costs(path: Path) -> tuple[int | None, tuple[Footprint, ...]]:
    """Parameters and footprints from a file of them, or from an engine's.

    Raises:
        NotFoundError: it is not there.
        ConfigurationError: it is not valid.
    """
    try:
        said = _mapping(path)
        if "release" in said:
            said = {name: said[name] for name in _Costs.model_fields if name in said}
        costs = _Costs.model_validate(said)
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
