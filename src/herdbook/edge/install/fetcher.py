"""The wire between device and repository: metadata for python-tuf's client, files that go on where they stopped.

Nothing here is trusted: what comes is compared with signed lengths and digests by who asked for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient import FetcherInterface

from herdbook.contracts.durable import disk_full_is_said
from herdbook.errors import RepositoryUnreachableError, TargetMismatchError

CHUNK = 1 << 16
TRIES = 3
"""Attempts in a row that bring nothing, before we give up until the next time."""
PAUSE_S = 0.5


class Wire(FetcherInterface):
    """HTTP(S) to one repository, through the proxy that the environment names, if it names one."""

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        proxy = None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
        self._pool = urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()
        self._timeout = urllib3.Timeout(timeout_s)

    def _fetch(self, url: str) -> Iterator[bytes]:
        response = self._ask(url, {})
        if response.status != HTTPStatus.OK:
            response.close()
            raise DownloadHTTPError(f"{url} answers with status {response.status}", response.status)
        return _chunks(url, response)

    def download(self, url: str, part: Path, length: int) -> None:
        """Fetch a file of a known length into ``part``, beginning where it ends.

        What comes is not checked beyond its length: the caller knows the digest.

        Raises:
            RepositoryUnreachableError: the connection fails again and again; what came is kept in ``part``.
            TargetMismatchError: the file there is longer or shorter than it should be; ``part`` is removed.
            DiskFullError: no space left; what came is kept.
        """
        fruitless = 0
        while (have := _size(part)) < length or not part.exists():
            problem: Exception | None = None
            try:
                self._go_on(url, part, have, length)
            except DownloadError as error:
                problem = error
            if _size(part) <= have < length:
                fruitless += 1
                if fruitless == TRIES:
                    raise RepositoryUnreachableError(f"{url} ends after {_size(part)} of {length} bytes") from problem
                time.sleep(PAUSE_S)
            else:
                fruitless = 0

    def _go_on(self, url: str, part: Path, have: int, length: int) -> None:
        response = self._ask(url, {"Range": f"bytes={have}-"} if have else {})
        status = response.status
        if have and status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            response.close()
            part.unlink()
            raise TargetMismatchError(f"{url} is shorter than the {length} bytes that were signed")
        if status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            response.close()
            raise RepositoryUnreachableError(f"{url} answers with status {status}")
        partial = status == HTTPStatus.PARTIAL_CONTENT
        if partial and not (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
            response.close()
            raise RepositoryUnreachableError(f"{url} sends another range than the one asked for")
        with disk_full_is_said(part), part.open("ab" if partial else "wb") as out:
            for chunk in _chunks(url, response):
                out.write(chunk)
                if out.tell() > length:
                    part.unlink()
                    raise TargetMismatchError(f"{url} is longer than the {length} bytes that were signed")

    def _ask(self, url: str, more: dict[str, str]) -> urllib3.BaseHTTPResponse:
        # Bytes as they lie there: compressed ones could not be resumed, and may grow without end.
        headers = {"User-Agent": "herdbook-edge", "Accept-Encoding": "identity", **more}
        again = urllib3.Retry(TRIES - 1, redirect=2, backoff_factor=PAUSE_S)
        try:
            return self._pool.request(
                "GET", url, headers=headers, preload_content=False, timeout=self._timeout, retries=again
            )
        except urllib3.exceptions.HTTPError as error:
            raise _download_error(url, error) from error


def _chunks(url: str, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    try:
        yield from response.stream(CHUNK, decode_content=False)
    except urllib3.exceptions.HTTPError as error:
        raise _download_error(url, error) from error
    finally:
        response.close()  # after the end the connection is back in its pool already


def _download_error(url: str, error: urllib3.exceptions.HTTPError) -> DownloadError:
    reason = getattr(error, "reason", None) or error
    kind = SlowRetrievalError if isinstance(reason, urllib3.exceptions.TimeoutError) else DownloadError
    return kind(f"{url} does not answer: {reason}")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
