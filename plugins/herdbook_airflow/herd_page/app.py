"""What the page *Herd* asks of the platform. Who may see the DAG *nightly_ingest* sees it; it changes nothing.

It reads the ledger, the published herd and what the night made of the review queues: no request computes anything
large, and none holds up the lake.
"""

# Annotations are not postponed here: FastAPI could not see the dependencies in them.
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi import Path as InPath
from fastapi.responses import FileResponse

from herdbook.errors import NotFoundError
from herdbook.overview.coverage import coverage
from herdbook.overview.nights import last_nights
from herdbook.overview.reviews import picture, read_reviews
from herdbook.overview.troubles import alerts, quarantine, raised
from herdbook.settings import get_settings
from herdbook_airflow.pages import guarded

DAG_ID = "nightly_ingest"
STATIC = Path(__file__).with_name("static")
Days = Annotated[int, Query(ge=1, le=60)]
Digest = Annotated[str, InPath(pattern="^[0-9a-f]{64}$")]


def create_page() -> FastAPI:
    """The application that Airflow mounts."""
    app = guarded("Herdbook herd", DAG_ID, STATIC)

    @app.get("/nights")
    def nights(days: Days = 14) -> Any:
        return [asdict(night) for night in last_nights(get_settings(), days)]

    @app.get("/coverage")
    def seen(days: Days = 7) -> Any:
        try:
            cameras, gaps = coverage(get_settings(), days)
        except NotFoundError:  # nothing is published before the first night
            cameras, gaps = [], []
        return {"cameras": [asdict(camera) for camera in cameras], "gaps": [asdict(gap) for gap in gaps]}

    @app.get("/quarantine")
    def set_aside() -> Any:
        return [asdict(entry) for entry in quarantine(get_settings())]

    @app.get("/reviews")
    def reviews() -> Any:
        return read_reviews(get_settings())

    @app.get("/pictures/{digest}")
    def crop(digest: Digest) -> FileResponse:
        return FileResponse(picture(get_settings(), digest), media_type="image/png")

    @app.get("/alerts")
    def warned() -> Any:
        return {"nights": alerts(get_settings()), "devices": raised(get_settings())}

    return app
