"""A definition is strict, and asks for nothing that lies on or past its index day."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from herdbook.contracts.lameness import lameness_definition
from herdbook.errors import LeakageError, NotFoundError, StudyDefinitionError
from herdbook.studies.assurance import check
from herdbook.studies.definition import Study
from herdbook.studies.measures import MEASURES, require_measure
from herdbook.studies.read import parse_study, read_study, write_study
from herdbook.studies.steps import DRAWING, FINDING, JUDGING, READING, TELLING, Step
from support.study import STUDY, study


def test_what_is_written_out_reads_as_the_same() -> None:
    asked = study(outcome={"name": "lame", "any_of": [{"kind": "diagnosis", "texts": ["lameness"]}]})
    assert parse_study(write_study(asked)) == asked
    assert "minimum_hours" in write_study(asked), "defaults are written out: they may change"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("study: x\nstudy: y", "line 2: 'study' is said twice"),
        ("study: [", "line 1"),
        ("- a", "does not hold a study's fields"),
        ("study: x", "population: Field required"),
    ],
)
def test_a_file_that_is_no_study_is_refused_with_where_and_why(text: str, said: str) -> None:
    with pytest.raises(StudyDefinitionError, match=said):
        parse_study(text)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"populaton": {}}, "populaton: Extra inputs"),
        ({"population": {"since": "2023-02-01", "until": "2023-01-01"}}, "ends before it begins"),
        ({"outcome": {"name": "x", "any_of": [{"kind": "lameness_score", "at_least": 3}]}}, "name one"),
        ({"exposure": {"primary": {"measure": "lying_share"}, "minimum_days": 9}}, "more than the window has"),
        (
            {"exposure": {"primary": {"measure": "lying_share"}, "others": [{"measure": "lying_share"}]}},
            "an exposure is named twice",
        ),
        ({"design": {"kind": "survey"}}, "there are: nested-case-control, cohort, crossover"),
        ({"design": {"controls": "4"}}, r"design\.nested-case-control\.controls"),
    ],
)
def test_an_impossible_definition_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyDefinitionError, match=said):
        parse_study(yaml.safe_dump(STUDY | changes))


@pytest.mark.parametrize("name", ["label_current.value_number", "occurred_day", "received_at", "valid_to", "is_case"])
def test_a_column_that_reads_past_the_index_day_is_refused_by_name(name: str) -> None:
    with pytest.raises(LeakageError, match=f"'{name}' reads past the index day"):
        study(exposure={"primary": {"measure": name}})


def test_a_window_without_a_lag_would_read_the_index_day() -> None:
    with pytest.raises(LeakageError, match="'lying_share' would read the index day"):
        study(exposure={"primary": {"measure": "lying_share"}, "lag_days": 0})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lying_s", "no denominator"),
        ("animal_embedding_day.vector", "never compared across embedding spaces"),
        ("lyng_share", "did you mean lying_share"),
    ],
)
def test_what_is_no_measure_is_refused_with_what_to_use(name: str, said: str) -> None:
    with pytest.raises(StudyDefinitionError, match=said):
        require_measure(name)


def test_the_catalogue_and_its_formulas_name_the_same_measures() -> None:
    sql = Step("exposure").sql
    assert {name for name in MEASURES if f"{{'measure': '{name}'" in sql} == set(MEASURES)
    assert sql.count("{'measure': ") == len(MEASURES)


STEPS = (*FINDING, *dict.fromkeys(sum(DRAWING.values(), ())), *READING, *JUDGING, *TELLING)


@pytest.mark.parametrize("name", STEPS)
def test_every_step_says_what_its_rows_are(name: str) -> None:
    assert Step(name).metadata.owner == "studies"


def test_only_one_step_reads_behaviour() -> None:
    queries = {name: re.sub(r"--.*", "", Step(name).sql) for name in STEPS}
    assert [name for name, query in queries.items() if "animal_day" in query] == ["day"]


def test_lame_is_a_definition_by_name_and_version() -> None:
    asked = study(outcome={"name": "lame", "any_of": [{"lame": "lame-either-scale/1"}, {"kind": "diagnosis"}]})
    cuts = {c.scale: c.at_least for c in asked.outcome.criteria if c.kind == "lameness_score"}
    assert cuts == lameness_definition("lame-either-scale/1").cuts
    assert parse_study(write_study(asked)) == asked
    with pytest.raises(NotFoundError, match="there is no definition of lame 'limping/1'"):
        study(outcome={"name": "lame", "any_of": [{"lame": "limping/1"}]})


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no study"):
        read_study(tmp_path / "none.yaml")


def test_python_and_yaml_are_the_same() -> None:
    assert Study.model_validate(STUDY) == study()


def test_the_study_in_the_documents_is_one_and_does_what_it_expects() -> None:
    page = (Path(__file__).parents[2] / "docs" / "epidemiologist.md").read_text(encoding="utf-8")
    [text] = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if block.startswith("study:")]
    for written in (text, write_study(parse_study(text))):
        assert [checked.problems for checked in check(parse_study(written))] == [()]
