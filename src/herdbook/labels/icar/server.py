"""One dataset of a server that speaks ICAR's data exchange: its changes, page by page.

``GET <changes>?since=<token>`` answers with a list of messages and, last, the token to go on with. A server that has
loaded its data anew says so in the header ``icar-full-sync: true``.
"""

from __future__ import annotations

import math
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import httpx

from herdbook.errors import (
    ConfigurationError,
    FileFormatError,
    LabelServerError,
    LabelServerProtocolError,
    LabelServerRefusedError,
)
from herdbook.labels.icar.document import parse_document

MAX_PAGE_BYTES = 64 * 1024 * 1024
PAUSES_S = (1.0, 2.0, 4.0, 8.0)
"""Waits before a page is asked for again; one that the server names counts instead."""
LONGEST_PAUSE_S = 120.0
"""A server that asks for a longer wait is left until the next night."""
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True)
class Page:
    """Changes, in the order in which they are to be taken over."""

    messages: tuple[Any, ...]
    token: str
    """What to go on with, once all of them are taken over."""
    full_sync: bool
    """The server has loaded its data anew: everything is to be fetched from the beginning."""
    raw: bytes


class ChangesServer:
    """The changes of one dataset. Close it after use, or use it as a context.

    Args:
        url: of the changes.
        token: bearer token; never part of a message.
        ca_file: the authority to believe; the system's when none.
        timeout_s: longest silence within a request.
        sleep: waits.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        ca_file: str | None = None,
        timeout_s: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url, self._sleep = httpx.URL(url), sleep
        self.where = f"{self._url.host}{self._url.path}"
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            verify=_trust(ca_file) if self._url.scheme == "https" else False,
            timeout=timeout_s,
            trust_env=False,  # no .netrc of the environment replaces our token
        )  # redirects are not followed: the token is this server's

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def page(self, since: str | None) -> Page:
        """The changes since a token, or from the beginning. What may pass by itself is tried again after a wait.

        Raises:
            LabelServerError: it does not answer, fails, or asks for a wait that is too long.
            LabelServerRefusedError: it refuses the token, or its certificate is not trusted.
            LabelServerProtocolError: the answer is not one of ICAR's data exchange.
        """
        for pause in (*PAUSES_S, None):
            try:
                return self._once(since)
            except _AgainError as again:
                wait = pause if again.after_s is None else again.after_s
                if pause is None or wait is None or wait > LONGEST_PAUSE_S:
                    asked = "" if again.after_s is None else f", and asks for {again.after_s:.0f} s of patience"
                    raise LabelServerError(f"{self.where} {again}{asked}") from again
                self._sleep(wait)
        raise AssertionError("the last pause is none")

    def _once(self, since: str | None) -> Page:
        url = self._url if since is None else self._url.copy_merge_params({"since": since})
        try:
            with self._http.stream("GET", url) as answer:
                self._require_served(answer)
                raw = bytearray()
                for chunk in answer.iter_bytes():
                    raw += chunk
                    if len(raw) > MAX_PAGE_BYTES:
                        raise LabelServerProtocolError(f"{self.where} sends a page of more than {MAX_PAGE_BYTES} bytes")
        except httpx.DecodingError as error:
            raise LabelServerProtocolError(f"{self.where} sends bytes not encoded as it says: {error}") from error
        except httpx.RequestError as error:
            if isinstance(beneath := _beneath(error), ssl.SSLCertVerificationError):
                reason = beneath.verify_message
                raise LabelServerRefusedError(f"the certificate of {self.where} is not trusted: {reason}") from error
            raise _AgainError(f"does not answer: {error or type(error).__name__}") from error
        full = answer.headers.get("icar-full-sync", "").strip().lower() == "true"
        return self._parsed(bytes(raw), full_sync=full)

    def _require_served(self, answer: httpx.Response) -> None:
        status = answer.status_code
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise LabelServerRefusedError(f"{self.where} refuses our token")
        if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _AgainError(f"fails with status {status}", _patience(answer.headers.get("Retry-After")))
        if status != HTTPStatus.OK:
            raise LabelServerProtocolError(f"{self.where} answers with status {status}")

    def _parsed(self, raw: bytes, *, full_sync: bool) -> Page:
        try:
            document = parse_document(raw, f"a page of {self.where}")
        except FileFormatError as error:
            raise LabelServerProtocolError(error.message) from error
        if document.token is None:
            raise LabelServerProtocolError(f"a page of {self.where} ends without a continuation token")
        return Page(document.messages, document.token, full_sync, raw)


class _AgainError(Exception):
    """What may pass by itself."""

    def __init__(self, what: str, after_s: float | None = None) -> None:
        super().__init__(what)
        self.after_s = after_s


def _patience(header: str | None) -> float | None:
    """Seconds that ``Retry-After`` asks for: a number, or a date (RFC 9110, 10.2.3); none where it says neither."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _trust(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"ca_file: {ca_file}: {error}") from error


def _beneath(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error
