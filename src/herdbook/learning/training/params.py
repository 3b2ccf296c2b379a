"""What each training stage is told: parts of ``params.yaml``. Field by field the networks' own dataclasses, checked."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from herdbook.contracts.camera import Contract
from herdbook.learning.training.schedule import Schedule

Weight = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Chance = Annotated[float, Field(ge=0, le=1)]
Range = Annotated[float, Field(ge=0, le=2)]


class Augmentation(Contract):
    """How far pictures are changed. Ranges are half-widths of logarithms unless said; chances are per picture."""

    rotate: Chance = 0.15
    """By any angle; otherwise mirrored only."""
    scale: Range = 0.2
    stretch: Range = 0.1
    """Of one side against the other."""
    shift: Range = 0.08
    """Of the picture's sides."""
    paste: Annotated[int, Field(ge=0, le=16)] = 2
    """At most so many animals of another frame are put into the picture (Ghiasi et al. 2021, arXiv 2012.07177)."""
    coat: Chance = 0.15
    """Per animal: its colours are changed."""
    stains: Annotated[int, Field(ge=0, le=16)] = 3
    """At most so many blots on floor and animals, dark or light."""
    glare: Chance = 0.15
    """A patch of sun or lamp that whitens whatever is beneath."""
    brightness: Range = 0.35
    over: Chance = 0.08
    """Over-exposed, up to four times brighter."""
    contrast: Range = 0.35
    gamma: Range = 0.3
    cast: Range = 0.12
    """Each channel's gain: white balance."""
    grey: Chance = 0.2
    """Without colour, as infrared cameras see at night."""
    noise: Range = 0.04
    """Largest standard deviation of noise, of 0..1."""
    blur: Chance = 0.3
    """Out of focus or moving: mixed with its 3 x 3 or 5 x 5 mean, or a 1 x 7 one."""


class TeacherSize(Contract):
    """`herdnet.sam3_config.SmallTeacher`."""

    image_size: Count = 256
    patch_size: Count = 8
    channels: Count = 192
    layers: Count = 6
    window: Count = 8
    width: Count = 128


class EncoderSize(Contract):
    """`herdnet.student.StudentConfig`, less what the teacher decides: its grid and channels."""

    trunk: str = "tiny_vit_21m_512"
    image_size: Annotated[int, Field(ge=32, le=4096)] = 1024
    width: Count = 472
    groups: Count = 8
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1


class TeacherParams(Contract):
    """Stage ``teacher``."""

    weights: str | None = None
    """A folder of SAM 3's weights: then nothing is trained."""
    size: TeacherSize = TeacherSize()
    eyes: EncoderSize | None = None
    """Sees in the place of its backbone, as in a distilled system; the backbone itself if none."""
    trunk_weights: str | None = None
    """What the trunk of those eyes knows before, as `DistilParams.trunk_weights`."""
    sight: Schedule | None = None
    """Of the lesson before prompts, `herdbook.learning.training.sight`; none if not given."""
    schedule: Schedule
    augmentation: Augmentation = Augmentation()
    prompts: Count = 6
    """Points on animals, points on the floor, and boxes, per frame: so many of each."""


class StudentSize(Contract):
    """`herdnet.compact.CompactConfig`."""

    trunk: str = "mobilenetv3_small_100"
    image_size: tuple[Count, Count] = (160, 224)
    stride: Count = 4
    width: Count = 48
    pixels: Count = 16
    looks: Count = 48
    dimensions: Count = 64
    proposals: Count = 24


class Losses(Contract):
    """`herdnet.compact_step.CompactWeights`, without headings: labels do not tell heads from tails."""

    centre: Weight = 1.0
    bce: Weight = 1.0
    dice: Weight = 1.0
    embedding: Weight = 0.5
    posture: Weight = 0.5
    quality: Weight = 0.5
    feature: Weight = 0.4
    soft_bce: Weight = 0.3
    soft_dice: Weight = 0.3
    temperature: Annotated[float, Field(gt=0)] = 2.0
    contrast: Annotated[float, Field(gt=0)] = 0.1
    hardness: Weight = 0.5


class Phase(Contract):
    """Steps with smaller pictures: more of them are seen in the same time (Tan & Le 2021, arXiv 2104.00298)."""

    until: Annotated[float, Field(gt=0, lt=1)]
    """The share of all steps with which it ends."""
    image_size: tuple[Count, Count]
    """Height and width, multiples of 32."""
    batch: Count
    """Frames per step and process."""


class DistilParams(Contract):
    """Stage ``distil``."""

    student: StudentSize = StudentSize()
    trunk_weights: str | None = None
    """What the trunk knows before: ``installed`` for those of a package (`herdnet.pretrained`), a safetensors file of
    timm's, or none."""
    phases: tuple[Phase, ...] = ()
    """In order; the rest is learned at the student's own size, with the schedule's batch."""
    drift_frames: Annotated[int, Field(ge=0)] = 48
    """Frames that int8 is calibrated on whenever the student is judged, to see what it would change; 0: never."""
    schedule: Schedule
    losses: Losses = Losses()
    transplant: bool = False
    """Whether trunk and pyramid are not trained: the pyramid is the best linear map to the teacher's features."""
    augmentation: Augmentation = Augmentation()
    views: Count = 2
    """Frames of the same camera and day in a batch, so that identities can be compared."""


class BehaviourParams(Contract):
    """Stage ``behaviour``."""

    schedule: Schedule
    step_s: Annotated[float, Field(ge=0.1, le=10)] = 0.5
    clips: Count | None = None
    """Of each side so many kept clips are looked at, evenly chosen; all if none."""
    width: Count = 64
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    window: Count = 60
    """Steps per example."""
    noise: Weight = 0.1
    """Of features, in their standard deviations."""
    adjustment: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How far rare behaviours count as much as frequent ones: `herdnet.behaviour.behaviour_loss`."""
    fairness: Annotated[float, Field(ge=0, le=1)] = 0.5


class ExportParams(Contract):
    """Stage ``export``."""

    precision: str = Field("int8", pattern="^(float32|int8)$")
    """Of the graph that devices run."""
    calibration: Count = 200
    """Frames of the training side that int8 ranges come from."""
    percentile: Annotated[float, Field(ge=0, le=100)] = 0.0
    score: Annotated[float, Field(gt=0, lt=1)] | None = None
    """From which score on a proposal is an animal; chosen on the validation side if none."""


class EmbedParams(Contract):
    """Stage ``embed``."""

    schedule: Schedule
    image_size: tuple[Count, Count] = (192, 256)
    """Frames are read at this size; crops come from it."""
    crop: Count = 64
    views: Count = 4
    temperature: Annotated[float, Field(gt=0)] = 0.1
    hardness: Weight = 0.5
    augmentation: Augmentation = Augmentation()
