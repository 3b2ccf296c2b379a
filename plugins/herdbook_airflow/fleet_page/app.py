"""What the page *Fleet* asks of the platform. Every route is guarded: who may see the DAG *redeploy_fleet* sees the
page, who may edit its runs may pause, resume and abort.

A change must come from the page itself: it carries a header that no form and no link can carry, and the browser must
not say that it comes from another site. Airflow's cookie is not sent along by other sites either (``SameSite=Lax``).
"""

# Annotations are not postponed here: FastAPI could not see the dependencies in them.
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, FastAPI, Header, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from herdbook.fleet.rollout import overview
from herdbook.fleet.rollout.control import change
from herdbook.settings import get_settings
from herdbook_airflow.pages import guarded

DAG_ID = "redeploy_fleet"
STATIC = Path(__file__).with_name("static")
_MAY_EDIT = Depends(requires_access_dag("PUT", DagAccessEntity.RUN, DAG_ID))
Number = Annotated[int, Query(ge=0, le=1_000_000)]
Text = Annotated[str, Query(max_length=100)]


class Reason(BaseModel):
    """Why a person changes a rollout."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=300)] = ""


def from_the_page(
    x_herdbook: Annotated[str, Header()] = "", sec_fetch_site: Annotated[str, Header()] = "same-origin"
) -> None:
    """Refuse what another site could have sent."""
    if x_herdbook != "fleet" or sec_fetch_site not in ("same-origin", "none"):
        raise HTTPException(403, "this must come from the page itself")


def create_page() -> FastAPI:
    """The application that Airflow mounts."""
    app = guarded("Herdbook fleet", DAG_ID, STATIC)

    @app.get("/me")
    def me(user: GetUserDep) -> dict[str, Any]:
        allowed = get_auth_manager().is_authorized_dag(
            method="PUT", access_entity=DagAccessEntity.RUN, details=_details(), user=user
        )
        return {"name": user.get_name(), "may_edit": allowed}

    @app.get("/devices")
    def devices(q: Text = "", farm: Text = "", show: Text = "", offset: Number = 0, limit: Number = 100) -> Any:
        """A page of the fleet table. ``show``: ``differs``, ``refused`` or ``silent``; empty for all."""
        rows = overview.fleet(get_settings())
        fitting = [row for row in rows if _fits(row, q.lower(), farm, show)]
        return {
            "devices": len(rows),
            "fitting": len(fitting),
            "farms": sorted({row.farm for row in rows}),
            "rows": [asdict(row) for row in fitting[offset : offset + min(limit, 500)]],
        }

    @app.get("/rollouts")
    def rollouts() -> Any:
        return overview.rollouts(get_settings())

    @app.get("/rollouts/{number}")
    def rollout(number: int) -> Any:
        found = overview.rollout(get_settings(), number)
        looked_at = [row for row in found.pop("devices") if row["phase"] not in ("pending", "proved")]
        return found | {"looked_at": looked_at[:200]}

    @app.post("/rollouts/{number}/{deed}", dependencies=[_MAY_EDIT, Depends(from_the_page)])
    def decide(number: int, deed: Literal["pause", "resume", "abort"], said: Reason, user: GetUserDep) -> Any:
        phase = change(get_settings(), number, deed, by=user.get_name(), reason=said.reason)
        return {"phase": phase.value}

    return app


def _details() -> Any:
    from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails

    return DagDetails(id=DAG_ID)


def _fits(row: overview.FleetRow, text: str, farm: str, show: str) -> bool:
    shown = {
        "differs": row.desired is not None and row.desired != row.actual,
        "refused": row.certificate == "refused" or row.serving is False,
        "silent": row.said.startswith("does not answer") or row.last_seen is None,
    }
    words = " ".join(filter(None, (row.device, row.farm, row.sku, row.desired, row.actual, row.pinned))).lower()
    return text in words and farm in ("", row.farm) and shown.get(show, True)
