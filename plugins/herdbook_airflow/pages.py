"""What our pages in Airflow share: they are guarded by a DAG's permissions, have no documents and no cookies of their
own, run nothing that is not a file of theirs, and are built by their first request, in the web server only."""

# Annotations are not postponed here: FastAPI could not see the dependencies in them.
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

SHARED = Path(__file__).with_name("page_static")
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Page:
    """A page's application, built when it is first asked for: Airflow loads plugins in every one of its processes."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if self._app is None:
            self._app = self._build()
        await self._app(scope, receive, send)


def guarded(title: str, dag_id: str, static: Path) -> "FastAPI":
    """An application whose every route asks Airflow whether this person may see a DAG.

    Args:
        title: for the server's log.
        dag_id: whose permissions guard it.
        static: folder with ``index.html`` and what it loads, beside what all pages share.
    """
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.core_api.security import requires_access_dag
    from fastapi import Depends, FastAPI, HTTPException, Request
    from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
    from starlette.exceptions import HTTPException as RefusedRequest

    from herdbook.errors import HerdbookError, NotFoundError

    may_see = Depends(requires_access_dag("GET", param_dag_id=dag_id))
    app = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=None, dependencies=[may_see])
    files = {path.name: path for folder in (SHARED, static) for path in folder.iterdir() if path.suffix in _TYPES}

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

    def file(name: str) -> FileResponse:
        if name not in files:
            raise HTTPException(404, "there is no such file")
        return FileResponse(files[name], media_type=_TYPES[files[name].suffix])

    @app.get("/")
    def page() -> FileResponse:
        return file("index.html")

    @app.get("/static/{name}")
    def static_file(name: str) -> FileResponse:
        return file(name)

    return app
