"""``recipes.yaml``: how each kind of device makes its engine, and what it may cost there."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.hardware import Version
from herdbook.contracts.identifiers import Slug
from herdbook.contracts.release import Budget, InputShape, Precision, Recipe
from herdbook.contracts.validation import first_problem
from herdbook.errors import ConfigurationError, NotFoundError

WITHOUT_TENSORRT = "cpu"
"""The kind of device that runs graphs by ONNX Runtime."""
_FINENESS = {Precision.FP32: 0, Precision.FP16: 1, Precision.INT8: 2}


class TensorRtRange(Contract):
    """Versions that build engines of these graphs."""

    from_: Annotated[Version, Field(alias="from")]
    below: Version


class Steps(Contract):
    """Lengths of tracklets, in steps of the behaviour head."""

    least: Annotated[int, Field(ge=2)]
    usual: int
    most: int

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.least <= self.usual <= self.most:
            raise ValueError("least, usual and most must be in this order")
        return self


class Limits(Contract):
    """What no release exceeds."""

    compact_int8_bytes: Annotated[int, Field(gt=0)]
    """The compact student in int8."""


class DeviceRecipe(Contract):
    """A line of the file."""

    sku: Slug
    precision: Precision
    workspace_mib: Annotated[int, Field(gt=0, le=1 << 20)]
    budget: Budget


class RecipeBook(Contract):
    """The file."""

    format: Literal["herdbook-recipes/1"]
    tensorrt: TensorRtRange
    steps: Steps
    limits: Limits
    engines: dict[Slug, Annotated[tuple[DeviceRecipe, ...], Field(min_length=1)]]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for engine, recipes in self.engines.items():
            skus = [recipe.sku for recipe in recipes]
            if twice := next((sku for sku in skus if skus.count(sku) > 1), None):
                raise ValueError(f"{engine}: {twice} has two recipes")
        return self

    def recipes(self, engine: str, smallest: Precision, shapes: Sequence[InputShape] = ()) -> tuple[Recipe, ...]:
        """An engine's recipes.

        Args:
            engine: ``compact``, ``sam3``, ``motion``.
            smallest: recipes of a smaller precision get this one, or fp32 where there is no TensorRT to halve it.
            shapes: of inputs whose size is free, for TensorRT.

        Raises:
            ConfigurationError: the file has none for that engine.
        """
        if engine not in self.engines:
            raise ConfigurationError(f"recipes has none for engine '{engine}'", "Add it to the file.")
        return tuple(self._recipe(line, engine, smallest, tuple(shapes)) for line in self.engines[engine])

    def _recipe(self, line: DeviceRecipe, engine: str, smallest: Precision, shapes: tuple[InputShape, ...]) -> Recipe:
        plain = line.sku == WITHOUT_TENSORRT or engine == "motion"
        precision = min(line.precision, smallest, key=_FINENESS.__getitem__)
        if plain and precision is Precision.FP16:
            precision = Precision.FP32
        return Recipe(
            sku=line.sku,
            precision=precision,
            workspace_mib=line.workspace_mib,
            shapes=() if plain else shapes,
            tensorrt_from=None if plain else self.tensorrt.from_,
            tensorrt_below=None if plain else self.tensorrt.below,
            budget=line.budget,
        )


def load_recipes(path: Path | None = None) -> RecipeBook:
    """Read the file; the shipped one if none is given.

    Raises:
        NotFoundError: it is not there.
        ConfigurationError: it is not valid.
    """
    where = "the shipped recipes.yaml" if path is None else str(path)
    try:
        text = (
            resources.files("herdbook.learning.release").joinpath("recipes.yaml").read_text(encoding="utf-8")
            if path is None
            else path.read_text(encoding="utf-8")
        )
        return RecipeBook.model_validate(yaml.safe_load(text))
    except OSError as error:
        raise NotFoundError(f"there is no {where}", "Name a file of recipes.") from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise ConfigurationError(f"{where} is not YAML: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {first_problem(error.errors())}") from error
