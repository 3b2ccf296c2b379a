"""The page *Herd*: the last nights, what cameras saw, what was set aside, and what waits for a person."""

from __future__ import annotations

from typing import Any

from herdbook_airflow.pages import Page


def herd_page() -> Page:
    """The page's application, built when it is first asked for."""

    def build() -> Any:
        from herdbook_airflow.herd_page.app import create_page

        return create_page()

    return Page(build)
