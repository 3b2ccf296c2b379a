"""Reports in a real browser: offline, in grey, small and by keyboard. Pictures for the documents are made here.

``HERDBOOK_PICTURES=docs/images`` writes them anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from herdbook.lake.attach import kept_open
from herdbook.lake.bulk import load_parts
from herdbook.lake.migrate import migrate
from herdbook.reports.animal import animal_page, animal_story
from herdbook.reports.page import write
from herdbook.reports.pen import pen_page, pen_story
from herdbook.reports.source import open_source
from herdbook.settings import Settings
from herdbook.simulate.herd import make_herd_plan
from herdbook.simulate.herd.run import simulate_herd
from support.browser import picture

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PLAN = make_herd_plan(
    {
        "seed": 7,
        "farm_id": "hill",
        "days": 120,
        "devices": 1,
        "pens_per_device": 1,
        "animals_per_pen": 8,
        "truth": {"kind": "onset", "shift": 0.12, "latency_days": [8, 12]},
        "illness": {"rate_per_year": 2, "illness_days": 14},
        "stays": {"stay_days": [190, 400], "move_share": 0},
        "coverage": {"days_off": 0.02, "days_off_length": 3, "hours_off": 0.06},
        "releases": [
            {"release_id": "motion-1", "from_day": 0},
            {"release_id": "compact-2", "from_day": 75, "shift": 0.03},
        ],
        "detail": {"activity": True, "tracklets_per_day": 2},
    }
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report on a pen and on the animal that stands out most in it."""
    folder = tmp_path_factory.mktemp("pages")
    settings = Settings(home=folder / "home")
    with kept_open():
        migrate(settings)
        simulate_herd(PLAN, folder / "herd")
        load_parts(settings, folder / "herd")
        with open_source(settings, lake=True) as source:
            pen = pen_story(source, "hill-d001-p01")
            worst = max(pen.findings, key=lambda f: f.weight).animal_id
            write(folder / "pen.html", pen_page(source, pen))
            write(folder / "animal.html", animal_page(source, animal_story(source, worst)))
    return {"pen": folder / "pen.html", "animal": folder / "animal.html"}


@pytest.mark.parametrize("which", ["animal", "pen"])
def test_a_report_is_seen_whole_without_a_network(browser: Any, files: dict[str, Path], which: str) -> None:
    context = browser.new_context(viewport={"width": 1100, "height": 1400}, offline=True)
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("requestfailed", lambda request: troubles.append(request.url[:80]))
    page.goto(files[which].as_uri())
    widths = page.eval_on_selector_all("img", "found => found.map(i => i.complete ? i.naturalWidth : 0)")
    assert min(widths) > 500
    assert troubles == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1100
    plots = page.eval_on_selector_all("figure img", "found => found.map(i => i.getBoundingClientRect().width)")
    assert max(plots) - min(plots) < 1, "one time axis: all plots are as wide"
    picture(page, f"report-{which}", full_page=False)
    context.close()


def test_tables_open_by_keyboard_and_are_named(browser: Any, files: dict[str, Path]) -> None:
    page = browser.new_page()
    page.goto(files["animal"].as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to what changed"
    first = page.locator("details").first
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert first.locator("table").is_visible()
    assert page.get_by_role("main").count() == page.get_by_role("navigation").count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("img").count() == page.locator("img").count()
    page.close()


def test_on_a_small_screen_nothing_is_cut_off(browser: Any, files: dict[str, Path]) -> None:
    for path in files.values():
        page = browser.new_context(viewport={"width": 390, "height": 800}).new_page()
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.context.close()
