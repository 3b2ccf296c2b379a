"""``network.json``: what a learned release is made of, and its graphs, checked before anything is recorded with them.

A *release folder* holds ``network.json`` and the files that it names. It may lie anywhere: only its files count.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from herdbook.contracts.camera import Contract, ZoneKind
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import write_durably
from herdbook.contracts.identifiers import Slug
from herdbook.contracts.validation import first_problem
from herdbook.errors import ConfigurationError

NETWORK_NAME = "network.json"
_EXPORT = "Export the release again with `herdbook learn export`."

Graph = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.onnx$")]
"""A file's name, without a folder."""
Share = Annotated[float, Field(gt=0, le=1)]


class SelectionRules(Contract):
    """When a proposal is an animal: `herdnet.instances.Selection`."""

    score: Share = 0.3
    overlap: Share = 0.4
    area: Annotated[float, Field(ge=0, lt=1)] = 0.0004
    edge: Annotated[float, Field(ge=-10, le=10)] = 0.0


class BehaviourNetwork(Contract):
    """The head that judges a finished tracklet, and how to read its logits."""

    file: Graph = "behaviour.onnx"
    behaviours: Annotated[tuple[Slug, ...], Field(min_length=2, max_length=64)]
    features: Annotated[tuple[str, ...], Field(min_length=1, max_length=256)]
    """Columns in order: `herdnet.behaviour_features.feature_names`."""
    places: tuple[ZoneKind, ...] = ()
    step_s: Annotated[float, Field(ge=0.1, le=10)] = 1.0
    dimensions: Annotated[int, Field(ge=0, le=8192)] = 0
    """Of the embeddings that it wants; 0: none."""
    prior: tuple[Share, ...]
    """How frequent behaviours were in training."""
    temperature: Annotated[float, Field(gt=0, le=100)] = 1.0
    fairness: Annotated[float, Field(ge=0, le=1)] = 0.0
    """0: fewest errors in all; 1: fewest per behaviour (`herdnet.behaviour.fair_answers`)."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.prior) != len(self.behaviours):
            raise ValueError("prior must have one value for each behaviour")
        if len(set(self.behaviours)) != len(self.behaviours):
            raise ValueError("a behaviour is named twice")
        return self


class NetworkFile(Contract):
    """``network.json``."""

    format: Literal["herdbook-network/1"] = "herdbook-network/1"
    student: Graph | None = None
    """The compact student; none where the release has a teacher's weights instead."""
    image_size: tuple[Annotated[int, Field(ge=32, le=8192)], Annotated[int, Field(ge=32, le=8192)]] | None = None
    """Height and width of what the student sees."""
    stride: Annotated[int, Field(ge=1, le=64)] | None = None
    """Image pixels per mask cell."""
    postures: Annotated[tuple[Slug, ...], Field(max_length=64)] = ()
    """What is judged of every animal in every frame."""
    dimensions: Annotated[int, Field(gt=0, le=8192)]
    """Of the identity embedding."""
    selection: SelectionRules = SelectionRules()
    behaviour: BehaviourNetwork | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.student is not None and (self.image_size is None or self.stride is None):
            raise ValueError("a student needs image_size and stride")
        if self.image_size is not None and self.stride is not None and any(s % self.stride for s in self.image_size):
            raise ValueError("image_size must be multiples of stride")
        if len(set(self.postures)) != len(self.postures):
            raise ValueError("a posture is named twice")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all graphs, and of this file."""
        behaviour = () if self.behaviour is None else (self.behaviour.file,)
        return (NETWORK_NAME, *(() if self.student is None else (self.student,)), *behaviour)


def read_network(folder: Path) -> NetworkFile:
    """Read a release folder's ``network.json``.

    Raises:
        ConfigurationError: it, or a file that it names, is absent, or it is not valid.
    """
    path = folder / NETWORK_NAME
    try:
        network = NetworkFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"the release folder {folder} has no readable {NETWORK_NAME}: {error.strerror}",
            "Let `network` in device.yaml name a folder that `herdbook learn export` wrote.",
        ) from error
    except ValidationError as error:
        raise ConfigurationError(f"{path}, {first_problem(error.errors(), 'the file')}", _EXPORT) from error
    for name in network.files:
        if not (folder / name).is_file():
            raise ConfigurationError(f"{path} names {name}, which is not in the folder", "Copy the whole folder.")
    return network


def write_network(folder: Path, network: NetworkFile) -> Path:
    """Write ``network.json``; equal networks give equal bytes."""
    path = folder / NETWORK_NAME
    write_durably(path, network.model_dump_json(indent=1).encode() + b"\n")
    return path


def release_digest(folder: Path) -> str:
    """SHA-256 over names and bytes of a release folder's files: the same wherever the folder lies.

    Raises:
        ConfigurationError: the folder is not there.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"the release folder {folder} is not there", "Correct `network` in device.yaml.")
    found = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        found.update(f"{path.name}\0{sha256_of(path)}\n".encode())
    return found.hexdigest()
