"""A real browser for tests; who asks for it without one is skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")
PICTURES = os.environ.get("HERDBOOK_PICTURES")
"""Where the browser's pictures go; docs/images when they are made anew."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; pages of one context share nothing with another's."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def picture(page: Any, name: str, **more: Any) -> None:
    """Keep what the page looks like, if somebody wants it."""
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", **more)
