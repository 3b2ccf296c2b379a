"""The device's agent: an HTTP API from which the platform pulls device days.

Files are addressed by the sha256 that a manifest of this device names; nothing of a request becomes part of a path.
"""

# Annotations are not postponed here: FastAPI could not see the local names (`bearer`, `latest`) in them.
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer

from herdbook.contracts.hardware import Hardware
from herdbook.contracts.identifiers import Sha256
from herdbook.contracts.validation import first_problem
from herdbook.edge.activate.place import hardware_of
from herdbook.edge.agent_alerts import add_alert_routes
from herdbook.edge.agent_credentials import credential_routes
from herdbook.edge.agent_models import AcknowledgementRequest, Day, Health, Problem
from herdbook.edge.agent_releases import release_routes
from herdbook.edge.config import DeviceConfig
from herdbook.edge.days import DayStore, StoredDay
from herdbook.edge.file_response import DayFileResponse
from herdbook.edge.gate import Gate
from herdbook.edge.keyring import Keyring
from herdbook.edge.retention import free_acknowledged, make_room
from herdbook.errors import DiskFullError

_Responses = dict[int | str, dict[str, Any]]

_ALWAYS: _Responses = {
    401: {"model": Problem, "description": "The bearer token is missing or wrong."},
    413: {"model": Problem, "description": "The body is larger than the API can use."},
    422: {"model": Problem, "description": "The request is not valid."},
}
_NO_DAY: _Responses = {404: {"model": Problem, "description": "The device has no such day."}}
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_FILE: _Responses = {
    200: {"description": "The whole file.", "content": _BYTES},
    206: {"description": "The part asked for by `Range`.", "content": _BYTES},
    400: {"model": Problem, "description": "The `Range` header is malformed."},
    404: {"model": Problem, "description": "No manifest of this device names that digest."},
    410: {"model": Problem, "description": "The file was freed after its day was acknowledged, or is damaged."},
    416: {"model": Problem, "description": "The range lies outside the file."},
}


def create_agent(
    root: FilePath, config: DeviceConfig, keys: Keyring | str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> FastAPI:
    """The agent's application.

    Args:
        root: device folder.
        config: the device.
        keys: what callers must present; a token alone is one that is kept in memory only.
        now: the device's clock.
    """
    keys = Keyring(keys) if isinstance(keys, str) else keys
    store = DayStore(root)
    machine = hardware_of(config)
    documented = Depends(HTTPBearer(auto_error=False, description="The device's token."))  # `Gate` is what checks it

    def latest(day: Annotated[date, Path(description="Farm-local day, YYYY-MM-DD.")]) -> StoredDay:
        stored = store.latest(day)
        if stored is None:
            raise HTTPException(404, f"no day {day}")
        return stored

    api = APIRouter(prefix="/v1", dependencies=[documented], responses=_ALWAYS)

    @api.get("/health")
    def health() -> Health:
        """Whether the device is up, its clock, and the space left."""
        return Health(
            device_id=config.device_id,
            software_version=version("herdbook"),
            now=now(),
            free_bytes=shutil.disk_usage(root).free,
            status="ok",
        )

    @api.get("/hardware")
    def hardware() -> Hardware:
        """The machine this device is."""
        return machine

    @api.get("/days")
    def days() -> list[Day]:
        """Every day the device holds or held, oldest first, each by its newest revision."""
        return [
            Day(
                day=stored.manifest.day,
                revision=stored.manifest.revision,
                final=stored.manifest.final,
                manifest_sha256=stored.sha256,
                acknowledged=store.acknowledgement(stored) is not None,
            )
            for stored in map(store.latest, store.all_days())
            if stored is not None
        ]

    @api.get(
        "/days/{day}/manifest",
        response_class=Response,
        responses=_NO_DAY | {200: {"description": "The manifest's exact bytes.", "content": {"application/json": {}}}},
    )
    def manifest(stored: Annotated[StoredDay, Depends(latest)]) -> Response:
        """The newest manifest of a day; its ETag is the sha256 of the bytes."""
        return Response(stored.raw, media_type="application/json", headers={"etag": f'"{stored.sha256}"'})

    @api.api_route("/files/{sha256}", methods=["GET"], response_class=Response, responses=_FILE)
    @api.api_route("/files/{sha256}", methods=["HEAD"], response_class=Response, responses=_FILE)
    def file(sha256: Annotated[Sha256, Path(description="As a manifest names it.")]) -> Response:
        """A file of a day, whole or from where a `Range: bytes=n-` begins."""
        found = store.find(sha256)
        if found is None:
            raise HTTPException(404, "no manifest names this digest")
        stored, named = found
        path = stored.path_of(named)
        if not path.is_file():
            raise HTTPException(410, f"{named.name} of {stored.manifest.day} is no longer here")
        if path.stat().st_size != named.bytes:
            raise HTTPException(410, f"{named.name} of {stored.manifest.day} is damaged: issue the day again")
        return DayFileResponse(path, sha256)

    @api.post(
        "/days/{day}/acknowledgement",
        status_code=204,
        responses=_NO_DAY
        | {
            400: {"model": Problem, "description": "The body cannot be read."},
            409: {"model": Problem, "description": "It is not the current manifest."},
            507: {
                "model": Problem,
                "description": "No space is left to note it, nor a file that may go.",
            },
        },
    )
    def acknowledge(stored: Annotated[StoredDay, Depends(latest)], request: AcknowledgementRequest) -> None:
        """Say that a revision is durable elsewhere; the device may then free the day."""
        if (request.revision, request.manifest_sha256) != (stored.manifest.revision, stored.sha256):
            raise HTTPException(409, f"the current revision of {stored.manifest.day} is {stored.manifest.revision}")
        try:
            store.acknowledge(stored, now())
        except DiskFullError:
            make_room(stored, config.retention)
            store.acknowledge(stored, now())
        free_acknowledged(store, root, config, now())

    add_alert_routes(api, root)
    api.include_router(release_routes(root, config, now))
    api.include_router(credential_routes(root, config, keys))

    app = FastAPI(
        title="Herdbook device agent",
        version=version("herdbook"),
        description="Device days: what one device saw in one farm-local day.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(api)
    app.add_middleware(Gate, admits=keys.admits)

    @app.get("/openapi.json", include_in_schema=False)
    def openapi() -> dict[str, Any]:
        return app.openapi()

    @app.exception_handler(DiskFullError)
    def full(request: Request, error: DiskFullError) -> JSONResponse:
        """What was asked for is not done, and whoever asked keeps what it has."""
        return JSONResponse({"detail": "the device's disk is full"}, 507)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        """A refusal is one sentence, and does not repeat what was sent."""
        return JSONResponse({"detail": first_problem(error.errors())}, 422)

    return app
