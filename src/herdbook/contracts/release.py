"""``release.json``: what the fleet is to run, how each kind of device builds it, and what it must prove there."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.device_day import ReleaseUse
from herdbook.contracts.farmtime import Instant
from herdbook.contracts.hardware import Version
from herdbook.contracts.identifiers import FileName, Sha256, Slug

RELEASE_NAME = "release.json"
WITHOUT_NETWORKS = "motion"
"""The engine whose release has no networks."""
FIRST_RELEASE = "motion-1"
"""What a device names that was never told a release: engine ``motion`` of its own software, which nobody signs."""
MAX_FILE_BYTES = 1 << 33
"""8 GiB: more than any network of the fleet."""
_Dimension = Annotated[int, Field(ge=1, le=1 << 20)]
_Shape = Annotated[tuple[_Dimension, ...], Field(min_length=1, max_length=8)]


class Precision(StrEnum):
    """In which numbers an engine calculates."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"
    """Explicit Q/DQ in the graph."""


class File(Contract):
    """A file of a release, by its digest."""

    name: FileName
    bytes: Annotated[int, Field(ge=0, le=MAX_FILE_BYTES, strict=True)]
    sha256: Sha256


class Network(Contract):
    """One graph: what it is for, in which precision, and how far ONNX Runtime is from torch."""

    role: Slug
    """``student``, ``behaviour``; of the SAM 3 path ``encoder``, ``decoder``, ``memory-attention``, …"""
    precision: Precision
    file: FileName
    largest_error: Annotated[float, Field(ge=0)]
    """Largest absolute difference to torch over random inputs of several sizes; of int8 to the float32 graph."""
    allowed_error: Annotated[float, Field(gt=0)] | None = None
    """What it may be: no release is made of a graph that differs by more. None of int8, which is judged by accuracy."""


class Fixture(Contract):
    """Inputs with expected outputs of one network (``.npz``: ``input.<name>``, ``output.<name>``)."""

    role: Slug
    precision: Precision
    file: FileName
    tolerance: Annotated[float, Field(gt=0)]
    """Largest mean absolute difference that an output may have, as a share of its spread (standard deviation)."""


class Budget(Contract):
    """What a network set may cost on a kind of device."""

    latency_ms: Annotated[float, Field(gt=0)]
    """Median of one pass over all networks that a frame needs."""
    memory_mib: Annotated[float, Field(gt=0)]


class InputShape(Contract):
    """The least, usual and largest shape of one input."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,63}$")]
    least: _Shape
    usual: _Shape
    most: _Shape


class Recipe(Contract):
    """How a kind of device makes its engine."""

    sku: Slug
    precision: Precision
    """Of the networks that have it; the others run in the one they have."""
    workspace_mib: Annotated[int, Field(gt=0, le=1 << 20)] = 1024
    shapes: tuple[InputShape, ...] = ()
    tensorrt_from: Version | None = None
    tensorrt_below: Version | None = None
    budget: Budget


class Calibration(Contract):
    """The frames that int8 ranges come from."""

    frames: Annotated[int, Field(ge=1)]
    strata: dict[str, int]
    """Frames by site, camera, light and crowding, joined by ``/``."""
    sha256: Sha256
    """Of the frames' ids in order, a line each."""


class AccuracyCost(Contract):
    """What a precision costs against fp32, on the same frames: figure by figure, that precision minus fp32."""

    precision: Precision
    frames: Annotated[int, Field(ge=1)]
    fp32: dict[str, float]
    difference: dict[str, float]


class Provenance(Contract):
    """Where a release comes from."""

    model: Slug
    version: Annotated[int, Field(ge=1)]
    run_id: Annotated[str, Field(max_length=64)]
    git_revision: Annotated[str, Field(max_length=64)]
    data_revision: Annotated[str, Field(max_length=127)]
    made_at: Instant


class Release(Contract):
    """All that a release says of itself. Its folder holds this file and every file that it names."""

    format: Literal["herdbook-release/1"] = "herdbook-release/1"
    use: ReleaseUse
    """Release id, engine, embedding space and ethogram: what rows will name."""
    files: Annotated[tuple[File, ...], Field(min_length=1, max_length=256)]
    networks: Annotated[tuple[Network, ...], Field(max_length=64)]
    """None of engine ``motion``, which learns nothing; one or more of every other."""
    recipes: Annotated[tuple[Recipe, ...], Field(min_length=1, max_length=64)]
    fixtures: Annotated[tuple[Fixture, ...], Field(max_length=64)]
    accuracy: tuple[AccuracyCost, ...] = ()
    calibration: Calibration | None = None
    """None where no network is int8."""
    lab: bool = False
    """Of a version that was never champion: for devices that a person names one by one, never for a rollout."""
    alerts: FileName | None = None
    """Rules that the device evaluates by itself."""
    provenance: Provenance

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.networks and self.use.engine != WITHOUT_NETWORKS:
            raise ValueError(f"engine {self.use.engine} needs networks")
        names = [file.name for file in self.files]
        if len(set(names)) != len(names) or RELEASE_NAME in names:
            raise ValueError("files must have names of their own")
        named = [network.file for network in self.networks] + [fixture.file for fixture in self.fixtures]
        named += [self.alerts] if self.alerts else []
        if missing := set(named) - set(names):
            raise ValueError(f"files lacks {min(missing)}")
        if len({recipe.sku for recipe in self.recipes}) != len(self.recipes):
            raise ValueError("a SKU has two recipes")
        parts = {(network.role, network.precision) for network in self.networks}
        if len(parts) != len(self.networks):
            raise ValueError("a role has two networks of one precision")
        if unproved := {network.role for network in self.networks} - {fixture.role for fixture in self.fixtures}:
            raise ValueError(f"no fixture proves the {min(unproved)}")
        return self

    def recipe_for(self, sku: str) -> Recipe | None:
        """The recipe of a SKU; none where the release is not for it."""
        return next((recipe for recipe in self.recipes if recipe.sku == sku), None)

    def networks_for(self, recipe: Recipe) -> tuple[Network, ...]:
        """One network per role, by order of first mention: in the recipe's precision if the role has it, else fp32,
        else the one there is."""
        chosen: dict[str, Network] = {}
        preferred = {Precision.FP32: 1, recipe.precision: 2}
        for network in self.networks:
            held = chosen.get(network.role)
            if held is None or preferred.get(network.precision, 0) > preferred.get(held.precision, 0):
                chosen[network.role] = network
        return tuple(chosen.values())
