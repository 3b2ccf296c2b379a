"""The page *Fleet*: rollouts and devices."""

from __future__ import annotations

from typing import Any

from herdbook_airflow.pages import Page


def fleet_page() -> Page:
    """The page's application, built when it is first asked for."""

    def build() -> Any:
        from herdbook_airflow.fleet_page.app import create_page

        return create_page()

    return Page(build)
