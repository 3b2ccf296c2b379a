"""The page *Fleet*. Airflow loads plugins in every one of its processes: the application is built by its first
request, in the web server only."""

from __future__ import annotations

from functools import cached_property
from typing import Any


class FleetPage:
    """The page's application, built when it is first asked for."""

    @cached_property
    def _app(self) -> Any:
        from herdbook_airflow.fleet_page.app import create_page

        return create_page()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        await self._app(scope, receive, send)
