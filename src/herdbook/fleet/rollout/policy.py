"""What a rollout may do and when: ``policy.yaml`` of this package, and a file that names what differs."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from herdbook.contracts.assignment import Window
from herdbook.contracts.camera import Contract
from herdbook.contracts.identifiers import Slug
from herdbook.contracts.validation import first_problem
from herdbook.contracts.yamltext import YamlTextError, parse_yaml
from herdbook.errors import RolloutPolicyError

_Share = Annotated[float, Field(gt=0, le=1)]
_Level = Annotated[float, Field(ge=0.5, lt=1)]
_Count = Annotated[int, Field(ge=1, strict=True)]
_Hours = Annotated[float, Field(ge=0, le=24 * 366)]
_Factor = Annotated[float, Field(gt=1, le=100)]
_LONGEST = 1 << 18


class Canaries(Contract):
    """Who goes first: so many of each group of devices that are alike in all that is named."""

    per: Annotated[tuple[Literal["engine_key", "sku", "farm"], ...], Field(min_length=1)]
    count: _Count


class Waves(Contract):
    """How many go at once."""

    sizes: Annotated[tuple[_Count, ...], Field(min_length=1)]
    most_of_farm: _Share
    by_farm: dict[Slug, _Count]
    by_sku: dict[Slug, _Count]


class Hours(Contract):
    """Deadlines, hours."""

    canary: _Hours
    wave: _Hours
    silence: _Hours
    soak: _Hours
    absent: _Hours


class Windows(Contract):
    """Farm-local hours in which devices may switch; none: at any time."""

    default: Window | None
    by_farm: dict[Slug, Window | None]

    def of(self, farm_id: str) -> Window | None:
        """The window of a farm."""
        return self.by_farm.get(farm_id, self.default)


class Gates(Contract):
    """What a wave must show of its devices (`herdbook.fleet.rollout.gates`)."""

    all_below: _Count
    least_share: _Share
    confidence: _Level


class DriftLimits(Contract):
    """What a release may change of what devices see (`herdbook.fleet.rollout.drift`)."""

    confidence: _Level
    share: _Share
    factor: _Factor
    floor: _Share
    animals_factor: _Factor
    identities_factor: _Factor
    least_clips: Annotated[int, Field(ge=2, strict=True)]
    required: Literal["canaries", "nobody"]
    not_against: tuple[Slug, ...]


class Policy(Contract):
    """How a release goes through the fleet."""

    canaries: Canaries
    waves: Waves
    hours: Hours
    windows: Windows
    gates: Gates
    drift: DriftLimits
    on_stop: Literal["rollback", "hold"]

    @model_validator(mode="after")
    def _can_be_passed(self) -> Self:
        from herdbook.fleet.rollout.gates import lower_bound

        best = lower_bound(self.gates.all_below, 0, self.gates.confidence)
        if best < self.gates.least_share:
            raise ValueError(
                f"gates: {self.gates.all_below} devices of which none fails show a share of {best:.3f} at most, less "
                f"than least_share {self.gates.least_share:g}: raise all_below"
            )
        return self


def read_policy(file: Path | None = None) -> Policy:
    """The shipped policy with what a file says instead, key by key.

    Raises:
        RolloutPolicyError: the file cannot be read, or names something that is no policy.
    """
    shipped = (resources.files("herdbook.fleet.rollout") / "policy.yaml").read_bytes()
    document = _mapping(shipped, "policy.yaml")
    if file is not None:
        try:
            with file.open("rb") as stream:
                given = stream.read(_LONGEST + 1)
        except OSError as error:
            raise RolloutPolicyError(f"{file}: {error.strerror or error}") from error
        document = _merged(document, _mapping(given, str(file)))
    try:
        return Policy.model_validate(document)
    except ValidationError as error:
        raise RolloutPolicyError(f"{file or 'policy.yaml'}: {first_problem(error.errors())}") from error


def _mapping(raw: bytes, where: str) -> dict[str, Any]:
    if len(raw) > _LONGEST:
        raise RolloutPolicyError(f"{where} is longer than {_LONGEST} bytes")
    try:
        document = parse_yaml(raw.decode("utf-8"))
    except (YamlTextError, UnicodeDecodeError) as error:
        raise RolloutPolicyError(f"{where} is not YAML: {str(error)[:200]}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise RolloutPolicyError(f"{where} is not a mapping")
    return document


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Mappings key by key, to any depth of the shipped one; anything else is replaced whole."""
    merged = dict(below)
    for key, value in above.items():
        held = below.get(key)
        merged[key] = _merged(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return merged
