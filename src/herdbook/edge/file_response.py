"""Files over HTTP: whole or by range, with JSON where a range cannot be had."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import FileResponse, JSONResponse
from starlette.types import Message, Receive, Scope, Send


class DayFileResponse(FileResponse):
    """A file that never changes: its ETag is its sha256. Ranges and ``If-Range`` are Starlette's (RFC 9110, 14)."""

    chunk_size = 1024 * 1024  # larger than Starlette's: each chunk costs a hop to a thread

    def __init__(self, path: Path, sha256: str) -> None:
        headers = {"etag": f'"{sha256}"', "cache-control": "private, immutable", "x-content-type-options": "nosniff"}
        super().__init__(path, headers=headers, media_type="application/octet-stream", stat_result=path.stat())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file; Starlette's plain-text refusals become JSON like all others of the agent."""
        refused: Message | None = None

        async def send_json(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] >= 400:
                refused = message
            elif refused is None:
                await send(message)
            elif not message.get("more_body"):
                status = refused["status"]
                kept = {k.decode(): v.decode() for k, v in refused["headers"] if k == b"content-range"}
                detail = "the range lies outside the file" if status == 416 else "the Range header is malformed"
                await JSONResponse({"detail": detail}, status, kept)(scope, receive, send)

        await super().__call__(scope, receive, send_json)
