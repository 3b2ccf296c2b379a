"""What counts as lame is chosen by name and version, never assumed."""

from __future__ import annotations

import duckdb
import pytest

from herdbook.contracts.lameness import lameness_definition, lameness_definitions
from herdbook.errors import NotFoundError
from herdbook.labels.kinds import RULES, SCALES, LabelKind


def test_every_definition_cuts_a_known_scale_at_one_of_its_values_and_names_its_source() -> None:
    for definition in lameness_definitions():
        for scale, cut in definition.cuts.items():
            assert scale in RULES[LabelKind.LAMENESS_SCORE].scales
            assert SCALES[scale].holds(cut), definition.reference
        assert definition.source
    assert len({d.reference for d in lameness_definitions()}) == len(lameness_definitions())


def test_a_scale_that_a_definition_does_not_name_says_nothing() -> None:
    clinical = lameness_definition("clinically-lame/1")
    assert [clinical.lame("locomotion-1-5", score) for score in (2.5, 3)] == [False, True]
    assert clinical.lame("mobility-0-3", 3) is None


def test_the_sql_condition_says_the_same() -> None:
    rows = [("lameness_score", s, v) for s, scale in SCALES.items() for v in scale.values] + [("weight", None, 3.0)]
    for definition in lameness_definitions():
        for kind, scale, value in rows:
            [found] = duckdb.execute(
                f"SELECT {definition.condition} FROM (SELECT ? AS kind, ? AS scale, ? AS value_number)",
                [kind, scale, value],
            ).fetchone() or ["nothing"]
            assert found == (definition.lame(scale, value) if scale and kind == "lameness_score" else None)


def test_an_unknown_definition_is_refused_by_name() -> None:
    with pytest.raises(NotFoundError, match="there is no definition of lame 'lame/1'"):
        lameness_definition("lame/1")
