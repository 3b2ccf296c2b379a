"""``params.yaml``: every figure of a training run, by profile. DVC reads the same file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

import herdbook
from herdbook.contracts.camera import Contract
from herdbook.contracts.identifiers import Slug
from herdbook.contracts.validation import first_problem
from herdbook.errors import ConfigurationError, NotFoundError
from herdbook.learning.datasets.plan import DatasetPlan
from herdbook.learning.review.plan import ReviewPlan
from herdbook.learning.targets.codec import Encoding
from herdbook.learning.training.align_params import AlignParams, SubstituteParams
from herdbook.learning.training.params import BehaviourParams, DistilParams, EmbedParams, ExportParams, TeacherParams
from herdbook.learning.training.schedule import Schedule

PIPELINE = ("dvc.yaml", "params.yaml")


class TargetParams(Contract):
    """How the teacher is asked."""

    teacher: str
    """A folder of weights, below the workspace or absolute, or ``small:SEED``."""
    encoding: Encoding = Encoding.INT8
    batch: Annotated[int, Field(ge=1)] = 4
    measure: Annotated[int, Field(ge=1)] = 8
    """Frames on which the error of keeping is measured."""
    quota_bytes: Annotated[int, Field(ge=1)] = 20_000_000_000
    """Of the whole store, over all teachers."""
    device: str = "cpu"
    half: bool = False


class Profile(Contract):
    """One size of everything."""

    students: Annotated[tuple[Literal["compact", "sam3"], ...], Field(min_length=1)] = ("compact",)
    """Which of the registered models come out of a run: stages of the others are left out."""
    dataset: DatasetPlan
    teacher: TeacherParams
    targets: TargetParams
    distil: DistilParams
    embed: EmbedParams
    behaviour: BehaviourParams
    export: ExportParams = ExportParams()
    align: AlignParams = AlignParams()
    substitute: SubstituteParams = SubstituteParams()

    def processes(self, stage: str) -> int:
        """How many processes a stage takes."""
        schedule = getattr(getattr(self, stage), "schedule", None)
        return schedule.processes if isinstance(schedule, Schedule) else 1


class Arm(Contract):
    """One arm of an ablation: what is changed in the profile, by dotted path."""

    name: Annotated[Slug, Field(max_length=24)]
    set: dict[str, Any] = Field(default_factory=dict)


class AblationParams(Contract):
    """What `herdbook learn ablate` compares."""

    arms: Annotated[tuple[Arm, ...], Field(min_length=2)]
    """The first is the reference."""
    seeds: Annotated[tuple[int, ...], Field(min_length=3)] = (0, 1, 2)
    vary: Annotated[tuple[str, ...], Field(min_length=1)] = ("distil.schedule.seed",)
    """Parameters that get the seed."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for name, values in (("arms", [arm.name for arm in self.arms]), ("seeds", list(self.seeds))):
            if len(set(values)) < len(values):
                raise ValueError(f"{name}: one is named twice")
        return self


class Params(Contract):
    """The file."""

    profile: Slug
    """The one that is used."""
    profiles: dict[Slug, Profile]
    ablation: AblationParams | None = None
    review: ReviewPlan = ReviewPlan()
    """Of every profile: the queue and the nightly re-reading know none."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.profile not in self.profiles:
            raise ValueError(f"profile: '{self.profile}' is not one of {', '.join(sorted(self.profiles))}")
        return self

    @property
    def chosen(self) -> Profile:
        """The profile that is used."""
        return self.profiles[self.profile]


def pipeline_root() -> Path:
    """Where ``dvc.yaml`` and ``params.yaml`` are: inside the installed package, or in the checkout."""
    package = Path(herdbook.__file__).parent
    packaged = package / "pipeline"
    return packaged if packaged.is_dir() else package.parent.parent


def load_params(path: Path | None = None, profile: str | None = None) -> Params:
    """Read ``params.yaml``.

    Args:
        path: the file; the shipped one if not given.
        profile: use this profile instead of the one that the file names.

    Raises:
        NotFoundError: there is no such file.
        ConfigurationError: it is not valid.
    """
    file = path or pipeline_root() / "params.yaml"
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        if profile is not None and isinstance(document, dict):
            document["profile"] = profile
        return Params.model_validate(document)
    except OSError as error:
        raise NotFoundError(f"there is no {file}", "Name a params.yaml.") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{file} is not YAML: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{file}: {first_problem(error.errors())}") from error
