"""Airflow's web server alone, with two users, for tests of our pages in it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from herdbook.demo.airflow import environment
from herdbook.processes.background import Background, free_ports
from herdbook.settings import Settings

PASSWORDS = {"anna": "anna-in-a-test", "viewer": "viewer-in-a-test"}


@contextmanager
def serving(settings: Settings, folder: Path) -> Iterator[str]:
    """Airflow's web server alone."""
    (port,) = free_ports(1)
    folder.mkdir()
    users = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "anna:user,viewer:viewer"}
    env = environment(settings, folder, port, (9, 9)) | users
    (folder / "passwords.json").write_text(json.dumps(PASSWORDS))
    with Background("migration", [sys.executable, "-m", "airflow", "db", "migrate"], folder / "db.log", env) as made:
        assert made.wait(600) == 0
    command = [sys.executable, "-m", "airflow", "api-server"]
    with Background("web server", command, folder / "web.log", env) as server:
        server.wait_for("Application startup complete", timeout_s=600)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def logged_in(url: str, user: str) -> Iterator[httpx.Client]:
    """A client that carries a user's token."""
    with httpx.Client(base_url=url, timeout=120) as client:
        answer = client.post("/auth/token", json={"username": user, "password": PASSWORDS[user]}).raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def log_in(browser: Any, url: str, user: str, **more: Any) -> Any:
    """Ask for a page, be shown the login, log in, and be back; ``more`` is of the browser's context."""
    page = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | more)).new_page()
    page.set_default_timeout(120_000)
    page.goto(url)
    page.wait_for_url("**/auth/login**")
    page.locator("input[name=username]").fill(user)
    page.locator("input[name=password]").fill(PASSWORDS[user])
    page.locator("button[type=submit]").click()
    page.wait_for_url(f"**{url[url.index('/', 8) :]}**")
    return page
