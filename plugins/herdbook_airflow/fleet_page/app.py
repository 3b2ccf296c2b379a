"""What the page *Fleet* asks of the platform. Every route is guarded: who may see the DAG *redeploy_fleet* sees the
page, who may edit its runs may pause, resume and abort. There are no documents of this interface, and no cookies of
its own: Airflow's says who it is.

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
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as RefusedRequest

from herdbook.errors import HerdbookError, NotFoundError
from herdbook.fleet.rollout import overview
from herdbook.fleet.rollout.control import change
from herdbook.settings import get_settings

DAG_ID = "redeploy_fleet"
STATIC = Path(__file__).with_name("static")
_TYPES = {"index.html": "text/html", "fleet.css": "text/css", "fleet.js": "text/javascript"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_MAY_SEE = Depends(requires_access_dag("GET", param_dag_id=DAG_ID))
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
    app = FastAPI(title="Herdbook fleet", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[_MAY_SEE])

    @app.middleware("http")
    async def with_headers(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers.update(_HEADERS)
        return response

    @app.exception_handler(RefusedRequest)
    def refused(request: Request, error: RefusedRequest) -> Response:
        """People who are not logged in are shown the login."""
        if error.status_code == 401 and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(get_auth_manager().get_url_login(next_url=str(request.url)), 303)
        return JSONResponse({"detail": error.detail}, error.status_code)

    @app.exception_handler(HerdbookError)
    def failed(request: Request, error: HerdbookError) -> JSONResponse:
        code = 404 if isinstance(error, NotFoundError) else 409
        return JSONResponse({"detail": error.message, "remedy": error.remedy}, code)

    @app.get("/")
    def page() -> FileResponse:
        return _static("index.html")

    @app.get("/static/{name}")
    def static(name: str) -> FileResponse:
        return _static(name)

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


def _static(name: str) -> FileResponse:
    if name not in _TYPES:
        raise HTTPException(404, "there is no such file")
    return FileResponse(STATIC / name, media_type=_TYPES[name])


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
