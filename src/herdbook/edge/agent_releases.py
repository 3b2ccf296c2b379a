"""The agent's routes about releases: where the device stands, a nudge to look again, and plans that it built."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Response

from herdbook.contracts.activation import DeviceReport
from herdbook.contracts.identifiers import Sha256
from herdbook.edge.agent_models import Problem
from herdbook.edge.config import DeviceConfig
from herdbook.edge.file_response import DayFileResponse
from herdbook.edge.report import current_report, nudge

_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_PLAN: dict[int | str, dict[str, Any]] = {
    200: {"description": "The whole plan.", "content": _BYTES},
    206: {"description": "The part asked for by `Range`.", "content": _BYTES},
    400: {"model": Problem, "description": "The `Range` header is malformed."},
    404: {"model": Problem, "description": "No plan of that digest was built here."},
    416: {"model": Problem, "description": "The range lies outside the file."},
}


def release_routes(root: FilePath, config: DeviceConfig, now: Callable[[], datetime]) -> APIRouter:
    """The routes, to be included under ``/v1``."""
    api = APIRouter()

    @api.get("/release")
    def release() -> DeviceReport:
        """Which release runs, which is wanted, and what its engine proved."""
        return current_report(root, config, now())

    @api.post("/release/check", status_code=202)
    def check() -> None:
        """Ask the device to look for a newer assignment now."""
        nudge(root)

    @api.get("/plans/{sha256}", response_class=Response, responses=_PLAN)
    def plan(sha256: Annotated[Sha256, Path(description="As the report names it.")]) -> Response:
        """An engine that this device built as the canary of its kind."""
        path = root / "releases" / "built" / f"{sha256}.plan"
        if not path.is_file():
            raise HTTPException(404, "no plan of that digest was built here")
        return DayFileResponse(path, sha256)

    return api
