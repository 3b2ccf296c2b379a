"""The agent's routes for alerts: what the device raised, and that the platform has it."""

# Annotations are not postponed here, as in `herdbook.edge.agent`.
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from herdbook.contracts.alert_message import AlertsAcknowledgement, AlertsPage
from herdbook.edge.agent_models import Problem
from herdbook.edge.alerts.book import AlertStore

_ACKNOWLEDGE: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body cannot be read."},
    409: {"model": Problem, "description": "The device has not said that much yet."},
}


def add_alert_routes(api: APIRouter, root: FilePath) -> None:
    """Let an agent offer the alerts of its device.

    Args:
        api: takes the routes.
        root: device folder.
    """
    store = AlertStore(root)

    @api.get("/alerts")
    def alerts(
        since: Annotated[
            int, Query(ge=-1, le=1 << 40, description="After which change; -1: what is not acknowledged yet.")
        ] = -1,
    ) -> AlertsPage:
        """Alerts that were raised or changed, oldest change first; each as it stands now."""
        return store.page(None if since < 0 else since)

    @api.post("/alerts/acknowledgement", status_code=204, responses=_ACKNOWLEDGE)
    def acknowledge_alerts(request: AlertsAcknowledgement) -> None:
        """Say that all alerts up to a change are durable elsewhere; the device may forget them once they are over."""
        if not store.acknowledge(request.change):
            raise HTTPException(409, f"this device has no change {request.change} yet")
