"""Findings side by side: what stands, what moves, what would read otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from herdbook.errors import FileFormatError, NotFoundError
from herdbook.studies.impact import compare, findings_of


def finding(ratio: float, low: float, high: float, coefficient: float = 0.5, **more: Any) -> dict[str, Any]:
    row = {"exposure": "lying_share", "role": "primary", "ratio": ratio, "ratio_low": low, "ratio_high": high}
    return row | {"coefficient": coefficient, "error": 0.2} | more


@pytest.mark.parametrize(
    ("after", "verdict", "moved"),
    [
        (finding(1.7, 1.2, 2.4, 0.53), "stands: raises it", 0.15),
        (finding(2.5, 1.7, 3.7, 0.92), "stands: raises it, the estimate moves by 2.1 errors", 2.1),
        (finding(1.3, 0.9, 1.9, 0.26), "CHANGES: raises it, then no association told", -1.2),
        (finding(0.6, 0.4, 0.9, -0.5), "CHANGES: raises it, then lowers it", -5),
        ({"exposure": "lying_share", "problem": "no case"}, "cannot be compared: no case", None),
    ],
)
def test_a_verdict_is_about_what_a_reader_would_conclude(
    after: dict[str, Any], verdict: str, moved: float | None
) -> None:
    first, second = compare("s", {"as found": [finding(1.65, 1.1, 2.4)], "m2": [after]})
    assert (first["verdict"], first["moved"]) == ("", None)
    assert second["verdict"] == verdict
    assert second["moved"] == (None if moved is None else pytest.approx(moved))


def test_exposures_stay_together() -> None:
    both = [finding(1.6, 1.1, 2), finding(1, 0.5, 2) | {"exposure": "eating_share", "role": "other"}]
    rows = compare("s", {"as found": both, "m2": both})
    assert [(row["exposure"], row["seen_by"]) for row in rows] == [
        ("lying_share", "as found"),
        ("lying_share", "m2"),
        ("eating_share", "as found"),
        ("eating_share", "m2"),
    ]


def test_a_folder_without_findings_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="holds no estimates"):
        findings_of(tmp_path)
    (tmp_path / "estimates.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FileFormatError, match="not a study's"):
        findings_of(tmp_path)
