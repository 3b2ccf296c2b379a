"""Airflow's plugin: the page *Fleet* in its navigation, behind its login and roles."""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from herdbook_airflow.fleet_page import FleetPage

PREFIX = "/herdbook"


class HerdbookPlugin(AirflowPlugin):
    """What Airflow is told of it."""

    name = "herdbook"
    fastapi_apps = [{"app": FleetPage(), "url_prefix": PREFIX, "name": "Herdbook fleet"}]  # noqa: RUF012 - Airflow's way
    external_views = [  # noqa: RUF012
        {
            "name": "Fleet",
            "href": f"{urlsplit(conf.get('api', 'base_url', fallback='')).path.rstrip('/')}{PREFIX}/",
            "destination": "nav",
            "category": "browse",
            "url_route": "herdbook-fleet",
        }
    ]
