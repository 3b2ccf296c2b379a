"""The page *Herd* behind Airflow's own web server and login, by HTTP and in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from herdbook.settings import Settings
from support.airflow_pages import log_in, logged_in, serving
from support.browser import picture
from support.herd_world import EVIL, bad_week

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PATHS = ("nights", "coverage", "quarantine", "reviews", "alerts")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """Airflow's web server over a herd with a bad week."""
    folder = tmp_path_factory.mktemp("herd-page")
    settings = Settings(home=folder / "home")
    bad_week(settings)
    with serving(settings, folder / "airflow") as url:
        yield SimpleNamespace(url=url, settings=settings)


def test_without_a_login_nothing_is_said(here: SimpleNamespace) -> None:
    with httpx.Client(base_url=f"{here.url}/herdbook-herd", timeout=120) as nobody:
        for path in ("", *PATHS, f"pictures/{'0' * 64}", "static/herd.js"):
            assert nobody.get(f"/{path}").status_code == 401, path
        for path in ("openapi.json", "docs", "redoc"):
            assert nobody.get(f"/{path}").status_code == 404, path
        asked = nobody.get("/", headers={"Accept": "text/html"})
        assert asked.status_code == 303
        assert "/auth/login" in asked.headers["location"]


def test_who_may_see_the_night_sees_all_of_it(here: SimpleNamespace) -> None:
    with logged_in(here.url, "viewer") as viewer:
        said = {path: viewer.get(f"/herdbook-herd/{path}").raise_for_status().json() for path in PATHS}
        standings = {(n["device"], n["day"]): n for n in said["nights"]}
        assert standings["barn-b-2", "2026-03-14"]["standing"] == "silent"
        assert "does not answer" in standings["barn-b-2", "2026-03-13"]["why"]
        assert standings["barn-a-3", "2026-03-10"]["standing"] == "missing"
        assert standings["barn-a-2", "2026-03-05"]["standing"] == "refused"
        assert standings["barn-a-4", "2026-03-14"]["standing"] == "landed"
        assert standings["barn-b-4", "2026-03-08"]["late_days"] == 3
        assert len(said["nights"]) == 8 * 14
        hours = {(c["camera"], c["day"]): (c["on_h"], c["degraded_h"]) for c in said["coverage"]["cameras"]}
        assert hours["barn-a-2-cam", "2026-03-12"] == (17.5, 0)
        assert hours["barn-a-4-cam", "2026-03-11"] == (13, 11)
        assert {gap["reason"] for gap in said["coverage"]["gaps"]} == {"power cut", "lens is dirty"}
        assert said["quarantine"][0]["file"] == "bout.parquet"
        assert [a["task_id"] for a in said["alerts"]["nights"]] == ["ingest_device", "backup"]
        digest = said["reviews"]["identity"][0]["pictures"][0]
        png = viewer.get(f"/herdbook-herd/pictures/{digest}")
        assert (png.headers["content-type"], png.content[:4]) == ("image/png", b"\x89PNG")
        for path, code in (
            (f"pictures/{'0' * 64}", 404),
            ("pictures/..%2Freviews.json", 404),
            ("pictures/x", 422),
            ("nights?days=0", 422),
        ):
            assert viewer.get(f"/herdbook-herd/{path}").status_code == code, path
        assert viewer.post("/herdbook-herd/reviews", json={}).status_code == 405, "nothing can be changed here"


def test_it_is_read_without_colour_by_ear_and_on_a_phone(here: SimpleNamespace, browser: Any) -> None:
    page = log_in(browser, f"{here.url}/herdbook-herd/", "viewer", viewport={"width": 1280, "height": 1500})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.wait_for_selector("#night-rows tr")
    for there in ("#who img", "#frames img", "#coverage-rows td", "#gaps tr", "#set-aside table", "#night-alerts li"):
        page.wait_for_selector(there, state="attached")
    assert "of 8 devices loaded" in page.locator("#summary").inner_text()
    silent = page.locator("#night-rows tr", has_text="barn-b-2").locator("td").last
    assert silent.locator(".sign").inner_text() == "?", "a sign of its own, not a colour"
    assert silent.locator(".visually-hidden").inner_text().startswith("silent; 'barn-b-2' does not answer")
    assert page.locator("#looks li").count() >= 7
    assert "power cut" in page.locator("#gaps").text_content()
    assert page.locator("#who li").first.locator("img").count() == 6
    assert page.locator("#frames figure").count() == 2, "student and teacher side by side"
    assert all(image.get_attribute("alt") for image in page.locator("img").all())
    assert page.title() == "Herd · Herdbook", "what comes from data is text"
    assert EVIL in page.locator("#set-aside").inner_text()
    headings = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((h) => +h.tagName[1])")
    assert all(after - before <= 1 for before, after in pairwise(headings))
    assert f"--decide 'barn-a-2:2026-03-14:cam:000031={EVIL}'" in page.locator("#who").inner_text()
    picture(page, "herd")
    page.evaluate("document.getElementById('reviews').scrollIntoView()")
    picture(page, "herd-review")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 800})
    widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths[0] <= widths[1], "nothing sticks out"
    page.locator("#gaps-title").focus()
    page.keyboard.press("Enter")
    page.locator("#gaps tr").first.wait_for()
    assert said == [], "no complaint, none of the policy of contents either"
    page.context.close()


def test_it_is_found_in_airflows_navigation(here: SimpleNamespace, browser: Any) -> None:
    page = log_in(browser, f"{here.url}/herdbook-herd/", "anna")
    page.goto(f"{here.url}/plugin/herdbook-herd")
    page.frame_locator("iframe").locator("#night-rows tr").first.wait_for(timeout=120_000)
    page.context.close()
