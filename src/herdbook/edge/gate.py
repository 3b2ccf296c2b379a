"""The agent's door: a request without the token goes no further, and none brings more than the API can use."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 8192
"""The largest body that the API takes is a certificate, of about one thousand."""


class Gate:
    """ASGI middleware. The token is compared before a byte of the body is read.

    Args:
        app: what lies behind.
        admits: whether a token opens it; compares in constant time.
    """

    def __init__(self, app: ASGIApp, admits: Callable[[bytes], bool]) -> None:
        self._app, self._admits = app, admits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._admits(presented(headers)):
            await _refuse(401, "missing or wrong bearer token", {"WWW-Authenticate": "Bearer"})(scope, receive, send)
            return
        body = await _read(headers, receive)
        if body is None:
            answer = _refuse(413, f"the body is larger than {MAX_BODY_BYTES} bytes", {"Connection": "close"})
            await answer(scope, receive, send)
            return
        await self._app(scope, _Replay(body, receive), send)


def presented(headers: Headers) -> bytes:
    """The bearer token of a request; empty where it has none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.encode() if scheme.lower() == "bearer" else b""


class _Replay:
    """The body that was read, once; after it whatever comes, which is the caller hanging up."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._message: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._receive = receive

    async def __call__(self) -> Message:
        message, self._message = self._message, None
        return await self._receive() if message is None else message


async def _read(headers: Headers, receive: Receive) -> bytes | None:
    """The whole body; none where it is too large, whether it says so or just goes on."""
    announced = headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > MAX_BODY_BYTES:
        return None
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY_BYTES:
            return None
    return body


def _refuse(status: int, detail: str, headers: dict[str, str]) -> JSONResponse:
    return JSONResponse({"detail": detail}, status, headers)
