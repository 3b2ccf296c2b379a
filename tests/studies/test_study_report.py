"""What a run shows: figures and a page that anybody can read, with nothing of the data taken for markup."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pytest

from herdbook.studies.bundle import contents
from herdbook.studies.findings import SCHEMA as FINDINGS
from herdbook.studies.findings import find
from herdbook.studies.report.curves import coverage_curves, incidence_curves
from herdbook.studies.report.forest import Ratio, forest
from herdbook.studies.report.svg import folded, ratio_ticks, ticks
from herdbook.studies.sensitivity import SCHEMA
from support.study import ill, lay, seen, stay, study

EVIL = '<script>alert(1)</script> & "lame"'


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """A small cohort's, whose names are as bad as names can be."""
    animals = "abcdef"
    asked = study(
        question=EVIL,
        outcome={"name": EVIL, "any_of": [{"kind": "diagnosis"}], "which": "first"},
        design={"kind": "cohort", "competing": [{"kind": "death"}]},
    )
    labels = [ill("a"), ill("b", 3), ill("c", 9), {"animal": "d", "day": date(2023, 4, 8), "kind": "death"}]
    shares = dict(zip(animals, (0.6, 0.5, 0.65, 0.4, 0.55, 0.45), strict=True))
    days = [lay(x, share) for x, share in shares.items()]
    found = seen(asked, [stay(x) for x in animals], labels, days)
    return contents(asked, found, find(asked, found.used), SCHEMA.empty_table())


def test_every_figure_is_a_picture_with_words_for_those_who_do_not_see_it(files: dict[str, bytes]) -> None:
    drawn = {name: content for name, content in files.items() if name.endswith(".svg")}
    assert set(drawn) == {"flow.svg", "estimates.svg", "coverage.svg", "incidence.svg"}
    for name, content in drawn.items():
        root = ElementTree.fromstring(content)
        title, described = (root.find(f"{{http://www.w3.org/2000/svg}}{tag}") for tag in ("title", "desc"))
        assert root.get("role") == "img", name
        assert title is not None, name
        assert title.text, name
        assert described is not None, name
        assert len(described.text or "") > 20, name
        colours = set(re.findall(rb"#[0-9a-f]{3,6}", content))
        assert all(len({c[1:][k : k + 2] for k in (0, 2, 4)}) == 1 for c in colours if len(c) == 7), "greys only"


def test_a_finding_that_turns_round_is_no_same_reading() -> None:
    asked = study(outcome={"name": "lame", "any_of": [{"kind": "diagnosis"}], "which": "first"})
    animals = "abcdef"
    days = [lay(x, 0.4 + 0.05 * k) for k, x in enumerate(animals)]
    found = seen(asked, [stay(x) for x in animals], [ill("a"), ill("b", 3)], days)
    tells = {
        "role": "primary",
        "exposure": "lying_share",
        "per": 1.0,
        "ratio": 2.0,
        "ratio_low": 1.5,
        "ratio_high": 3.0,
    }
    estimates = pa.Table.from_pylist([tells | {"p": 0.01, "cases": 2, "rows": 6}], schema=FINDINGS)
    for low, said in ((1.2, "It reads the same"), (0.2, "It would read otherwise with: stricter")):
        variant = {
            "about": "identity",
            "variant": "stricter",
            "ratio": low * 2,
            "ratio_low": low,
            "ratio_high": low * 3,
        }
        page = contents(asked, found, estimates, pa.Table.from_pylist([variant], schema=SCHEMA))["report.html"]
        assert said in page.decode()


def test_the_page_holds_everything_and_asks_nothing_of_the_network(files: dict[str, bytes]) -> None:
    page = files["report.html"].decode()
    assert not re.findall(r"(?:src|href)\s*=|@import|url\(|<script", page)
    assert page.count("<svg") == 4
    assert page.count("<details>") >= 5, "a table behind each figure"
    assert "&lt;script&gt;alert(1)" in page
    told = Tags()
    told.feed(page)
    assert told.open == []
    assert "hazard of" in page
    assert files["report.html"] == page.encode()


class Tags(HTMLParser):
    """Tags that were opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in ("meta", "rect", "circle", "polyline", "polygon"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "circle", "polyline", "polygon"):
            assert self.open.pop() == tag


def test_a_forest_plot_says_its_figures_and_shows_where_an_interval_goes_on() -> None:
    drawn = forest("T", [Ratio("x", 2, 0.5, 1e6), Ratio("y", None, None, None)], "less", "more")
    assert "2.00 (0.50 to 1000000.00)" in drawn
    assert "no estimate" in drawn


def test_axes_have_round_numbers() -> None:
    assert ticks(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert ticks(3, 3) == [3]
    assert ratio_ticks(0.4, 6) == [0.5, 1, 2, 5]
    assert folded("one two three", 7) == ["one two", "three"]


def test_a_change_of_model_is_marked() -> None:
    week = {"role": "case", "mean_hours": 20.0}
    rows = [week | {"week": date(2023, 1, 2)}, week | {"week": date(2023, 1, 9)}]
    releases = [
        {"release_id": "m1", "first_day": date(2023, 1, 2)},
        {"release_id": "m2", "first_day": date(2023, 1, 10)},
    ]
    assert "model m2" in coverage_curves(rows, releases)
    assert "model m1" not in coverage_curves(rows, releases)
    assert coverage_curves([], []), "nothing to show is shown as nothing"


def test_an_incidence_whose_interval_is_not_known_is_drawn_without() -> None:
    row = {"animals": "all", "cause": "lame", "time": 3.0, "incidence": 1.0, "low": None, "high": None}
    assert "lame: 100.0%" in incidence_curves([row], "days", "lame")


@pytest.mark.slow
def test_a_browser_shows_it_without_a_request_or_a_complaint(
    browser: Any, files: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "report.html").write_bytes(files["report.html"])
    page = browser.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "report.html").as_uri())
    assert (said, [url for url in asked if not url.startswith("file:")]) == ([], [])
    pictures = page.get_by_role("img").all()
    assert all(picture.get_attribute("aria-label") for picture in pictures)
    assert len(pictures) == 4
    widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths[0] <= widths[1], "nothing sticks out"
