"""Airflow's plugin: the pages *Herd* and *Fleet* in its navigation, behind its login and roles."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from herdbook_airflow.fleet_page import fleet_page
from herdbook_airflow.herd_page import herd_page

PREFIX, HERD_PREFIX = "/herdbook", "/herdbook-herd"


def _view(name: str, prefix: str) -> dict[str, Any]:
    return {
        "name": name,
        "href": f"{urlsplit(conf.get('api', 'base_url', fallback='')).path.rstrip('/')}{prefix}/",
        "destination": "nav",
        "category": "browse",
        "url_route": f"herdbook-{name.lower()}",
    }


class HerdbookPlugin(AirflowPlugin):
    """What Airflow is told of it."""

    name = "herdbook"
    fastapi_apps = [  # noqa: RUF012 - Airflow's way
        {"app": herd_page(), "url_prefix": HERD_PREFIX, "name": "Herdbook herd"},
        {"app": fleet_page(), "url_prefix": PREFIX, "name": "Herdbook fleet"},
    ]
    external_views = [_view("Herd", HERD_PREFIX), _view("Fleet", PREFIX)]  # noqa: RUF012
