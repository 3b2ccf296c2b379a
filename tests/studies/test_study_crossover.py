"""Within-animal crossover: an animal's case window against its own earlier ones."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import yaml

from herdbook.errors import StudyDefinitionError
from herdbook.studies.assemble import Assembled
from herdbook.studies.findings import find
from herdbook.studies.read import parse_study
from support.study import STUDY, at, ill, lay, seen, stay, study

CROSSOVER: dict[str, Any] = {"kind": "crossover", "references": 3, "apart_days": 14}


def windows(assembled: Assembled) -> dict[str, list[date]]:
    """Index days by set, the case's first."""
    found: dict[str, list[date]] = {}
    for row in assembled.rows.to_pylist():
        found.setdefault(row["set_id"], []).append(row["index_day"])
    return found


def test_references_are_earlier_days_equally_far_apart_on_which_it_was_at_risk() -> None:
    asked = study(design=CROSSOVER)
    assert windows(seen(asked, [stay("a")], [ill("a")])) == {"a/1": [at(0), at(-14), at(-28), at(-42)]}
    assert windows(seen(asked, [stay("a", -43)], [ill("a")])) == {"a/1": [at(0), at(-14), at(-28)]}, "the wash-out"
    assert windows(seen(asked, [stay("a")], [ill("a"), ill("a", -44)])) == {
        "a/1": [at(-44), at(-58)],
        "a/2": [at(0), at(-14), at(-28)],
    }, "and free of an earlier episode"


def test_each_window_is_read_from_its_own_days() -> None:
    days = [lay("a", 0.9, -7, -1), lay("a", 0.4, -21, -15), lay("a", 0.2, -8, -8), lay("a", 0.5, -60, -22)]
    found = seen(study(design=CROSSOVER | {"references": 2}), [stay("a")], [ill("a")], days)
    assert found.rows["lying_share"].to_pylist() == pytest.approx([0.9, 0.4, 0.5])
    assert found.rows["last_day_read"].to_pylist() == [at(-1), at(-15), at(-29)]
    assert found.rows["is_case"].to_pylist() == [True, False, False]


def test_an_animal_that_always_lies_much_says_nothing_by_that() -> None:
    """Two lie more before they fall ill, one less; how much each lies otherwise does not matter."""
    stays, labels = [stay(x) for x in "abc"], [ill(x) for x in "abc"]
    found = []
    for usual in (0.3, 0.6):
        days = [
            *(lay(x, s + d, -7, -1) for x, s, d in (("a", usual, 0.1), ("b", 0.5, 0.05), ("c", 0.4, -0.1))),
            *(lay(x, s, -60, -8) for x, s in (("a", usual), ("b", 0.5), ("c", 0.4))),
        ]
        asked = study(design=CROSSOVER, errors={"few_clusters": False})
        found.append(find(asked, seen(asked, stays, labels, days).used).to_pylist()[0])
    assert found[0]["coefficient"] == pytest.approx(found[1]["coefficient"])
    assert found[0]["difference"] == pytest.approx((0.1 + 0.05 - 0.1) / 3)
    assert (found[0]["clusters"], found[0]["errors"], found[0]["sets"]) == (3, "robust", 3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"design": CROSSOVER | {"apart_days": 6}}, "windows would overlap"),
        ({"design": CROSSOVER, "adjust_for": ["age_days"]}, "its own control"),
    ],
)
def test_an_impossible_crossover_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyDefinitionError, match=said):
        parse_study(yaml.safe_dump(STUDY | changes))
