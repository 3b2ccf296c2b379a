"""The page *Fleet* behind Airflow's own web server and login, by HTTP and in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import httpx
import pytest

from herdbook.fleet.rollout import overview
from herdbook.fleet.rollout.driver import Driver
from herdbook.ledger.columns import utc_now
from herdbook.ledger.days import set_day
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import DayState, Device
from herdbook.ledger.rollouts import DeviceSeen
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.airflow_pages import log_in, logged_in, serving
from support.browser import picture
from support.rollout_world import World, world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
T = TypeVar("T")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """Airflow's web server over a Herdbook with 1,000 devices, on 44 of which a rollout is under way."""
    folder = tmp_path_factory.mktemp("page")
    settings = Settings(home=folder / "home")
    upgrade(settings)
    with serving(settings, folder / "airflow") as url, rolling(settings, folder / "devices") as rollout:
        _many_more(settings)
        yield SimpleNamespace(url=url, settings=settings, rollout=rollout)


@contextmanager
def rolling(settings: Settings, folder: Path) -> Iterator[World]:
    """A rollout whose second wave is in flight: some proved, some are at it, two do not answer."""
    late = {f"d_{n:02}": "late" for n in range(24, 29)}
    with world(settings, folder, 44, d_14="away", d_20="away", **late) as devices:
        rules = {"waves": {"sizes": [6, 24], "most_of_farm": 0.6}, "hours": {"absent": 0}}
        number = devices.begin(rules)
        driver = Driver(settings, devices.signer, timeout_s=2)
        for _ in range(6):
            driver.step(number)
        yield devices


def _many_more(settings: Settings) -> None:
    with ledger_session(settings) as session:
        for device in session.query(Device):
            set_day(
                session, (device.device_id, date(2026, 3, 1), 1), sha256="0" * 64, final=True, state=DayState.LOADED
            )
        for n in range(956):
            name = f"e-{n:03}"
            session.add(Device(device_id=name, farm_id=f"hill-{n % 40:02}", url="http://x", timezone="UTC"))
            session.flush()
            seen = {"desired": "compact-1", "actual": "compact-1", "number": 1, "stage": "idle", "serving": True}
            session.add(DeviceSeen(device_id=name, **seen, sku="orin-nx-16", seen_at=utc_now()))


def test_without_a_login_nothing_is_said(here: SimpleNamespace) -> None:
    with httpx.Client(base_url=f"{here.url}/herdbook", timeout=120) as nobody:
        for path in ("", "me", "devices", "rollouts", "rollouts/1", "static/fleet.js"):
            assert nobody.get(f"/{path}").status_code == 401, path
        for path in ("openapi.json", "docs", "redoc"):
            assert nobody.get(f"/{path}").status_code == 404, path
        assert nobody.post("/rollouts/1/abort", json={}).status_code == 401
        asked = nobody.get("/", headers={"Accept": "text/html"})
        assert asked.status_code == 303
        assert "/auth/login" in asked.headers["location"]


def test_who_may_look_only_changes_nothing(here: SimpleNamespace) -> None:
    with logged_in(here.url, "viewer") as viewer:
        assert viewer.get("/herdbook/me").json() == {"name": "viewer", "may_edit": False}
        assert viewer.get("/herdbook/rollouts/1").json()["phase"] == "running"
        refused = viewer.post("/herdbook/rollouts/1/abort", json={}, headers={"X-Herdbook": "fleet"})
        assert refused.status_code == 403
        for closed in ("openapi.json", "docs", "redoc", "static/app.py", "static/..%2Fapp.py"):
            assert viewer.get(f"/herdbook/{closed}").status_code == 404
    assert overview.rollout(here.settings)["phase"] == "running"


def test_what_another_site_could_send_is_refused(here: SimpleNamespace) -> None:
    with logged_in(here.url, "anna") as anna:
        path = "/herdbook/rollouts/1/abort"
        assert anna.post(path, json={}).status_code == 403, "a form cannot carry the header"
        from_afar = {"X-Herdbook": "fleet", "Sec-Fetch-Site": "cross-site"}
        assert anna.post(path, json={}, headers=from_afar).status_code == 403
        assert anna.post("/herdbook/rollouts/9/abort", json={}, headers={"X-Herdbook": "fleet"}).status_code == 404
        assert anna.post("/herdbook/rollouts/1/burn", json={}, headers={"X-Herdbook": "fleet"}).status_code == 422
    assert overview.rollout(here.settings)["phase"] == "running"


def test_a_thousand_devices_come_in_pages(here: SimpleNamespace) -> None:
    with logged_in(here.url, "viewer") as viewer:
        page = viewer.get("/herdbook/devices?limit=50&offset=50").json()
        assert (page["devices"], page["fitting"], len(page["rows"])) == (1000, 1000, 50)
        assert viewer.get("/herdbook/devices?farm=hill-07").json()["fitting"] == 24
        assert viewer.get("/herdbook/devices?q=e-12").json()["fitting"] == 10
        assert 0 < viewer.get("/herdbook/devices?show=differs").json()["fitting"] < 44
        assert viewer.get("/herdbook/devices?limit=-1").status_code == 422


def enter(browser: Any, url: str, user: str, **more: Any) -> Any:
    """Ask for the page, be shown the login, and log in."""
    page = log_in(browser, f"{url}/herdbook/", user, **more)
    page.wait_for_selector(".waves li")
    page.wait_for_selector("#devices tr")
    return page


def shows(page: Any, selector: str, text: str) -> None:
    """Wait until something says so: the page asks every few seconds."""
    page.locator(selector, has_text=text).first.wait_for(timeout=120_000)


def aside(work: Callable[[], T]) -> T:
    """Do something in a thread of its own: Playwright's event loop runs in ours, the driver's wants one, too."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def test_a_viewer_sees_the_rollout_and_cannot_touch_it(here: SimpleNamespace, browser: Any) -> None:
    page = enter(browser, here.url, "viewer")
    assert "1000 devices" in page.locator("#summary").inner_text()
    assert page.locator("#rollout .tag").first.inner_text() == "running"
    for deed in ("pause", "resume", "abort"):
        assert page.locator(f"#{deed}").is_disabled()
    page.locator("#farm").select_option("hill-03")
    shows(page, "#page", "1 to 24 of 24")
    assert page.locator("#devices tr").count() == 24
    page.context.close()


def test_somebody_who_may_aborts_a_running_rollout(here: SimpleNamespace, browser: Any) -> None:
    page = enter(browser, here.url, "anna")
    picture(page, "fleet")
    page.locator("details summary").first.click()
    page.wait_for_selector("details table tr")
    picture(page, "fleet-evidence")
    page.locator("#pause").click()
    page.locator("#reason").fill("the vet is in the barn")
    page.locator("#sure").click()
    page.wait_for_selector("#rollout .tag.wait")
    assert overview.rollout(here.settings)["phase"] == "paused"
    page.locator("#abort").click()
    picture(page, "fleet-abort")
    page.get_by_role("button", name="Leave it").click()
    assert overview.rollout(here.settings)["phase"] == "paused", "thought better of it"
    page.locator("#abort").click()
    page.locator("#reason").fill("sows look thin")
    page.locator("#sure").click()
    shows(page, "#reason-given", "aborted by anna: sows look thin")
    found = overview.rollout(here.settings)
    assert (found["phase"], found["events"][0]["by"]) == ("aborted", "anna")
    aside(lambda: here.rollout.run(1, steps=3))
    shows(page, ".wave", "left")
    picture(page, "fleet-aborted")
    page.context.close()


def test_the_page_is_found_in_airflows_navigation(here: SimpleNamespace, browser: Any) -> None:
    page = enter(browser, here.url, "anna")
    page.goto(f"{here.url}/plugin/herdbook-fleet")
    inside = page.frame_locator("iframe")
    inside.locator("#summary", has_text="1000 devices").wait_for(timeout=120_000)
    inside.locator(".waves li").first.wait_for()
    picture(page, "fleet-in-airflow")
    page.context.close()


def test_a_rollout_that_drift_stopped_shows_the_figure(here: SimpleNamespace, browser: Any) -> None:
    here.rollout.faulty(d_00="lies")
    number = aside(here.rollout.begin)
    aside(lambda: here.rollout.run(number, steps=4))
    page = enter(browser, here.url, "viewer")
    shows(page, "#reason-given", "lying")
    page.locator("details summary").first.click()
    shows(page, "tr.out", "outside")
    picture(page, "fleet-stopped")
    page.locator("#which").select_option("1")
    shows(page, "#rollout", "aborted by anna")
    page.context.close()
