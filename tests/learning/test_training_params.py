"""Parameters of training are the networks' own, field by field, and the shipped ones are valid."""

from __future__ import annotations

from dataclasses import fields

import pytest

from herdbook.learning.params import load_params
from herdbook.learning.training.align_params import AlignmentTerms, EncoderSize
from herdbook.learning.training.params import Losses, StudentSize, TeacherSize
from herdnet.compact import CompactConfig
from herdnet.compact_step import CompactWeights
from herdnet.losses import AlignmentWeights
from herdnet.sam3_config import SmallTeacher
from herdnet.student import StudentConfig


@pytest.mark.parametrize(
    ("ours", "theirs", "left_out"),
    [
        (TeacherSize, SmallTeacher, set()),
        (StudentSize, CompactConfig, {"postures"}),  # the ethogram's behaviours
        (Losses, CompactWeights, {"heading"}),  # labels do not tell heads from tails
        (EncoderSize, StudentConfig, {"grid", "channels"}),  # the teacher's
        (AlignmentTerms, AlignmentWeights, set()),
    ],
)
def test_parameters_name_the_networks_fields(ours: type, theirs: type, left_out: set[str]) -> None:
    assert set(ours.model_fields) == {f.name for f in fields(theirs)} - left_out  # type: ignore[attr-defined,arg-type]


@pytest.mark.parametrize("profile", ["pocket", "orin"])
def test_the_shipped_sizes_can_be_built(profile: str) -> None:
    chosen = load_params(profile=profile).chosen
    SmallTeacher(**chosen.teacher.size.model_dump())
    CompactConfig(**chosen.distil.student.model_dump())
    CompactWeights(**chosen.distil.losses.model_dump())
    StudentConfig(**chosen.align.student.model_dump())
    AlignmentWeights(**chosen.align.losses.model_dump())
