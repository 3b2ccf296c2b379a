"""The agent's HTTP API, seen from here. Everything a device says is checked.

Small answers go through httpx; files through the standard library's client, which reads into our buffers: httpx handles
each 64 KiB in Python and takes a quarter of the throughput (docs/adr/0051).
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from types import TracebackType
from typing import Annotated, Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from herdbook.contracts.alert_message import AlertsPage
from herdbook.contracts.device_day import MAX_MANIFEST_BYTES, Revision
from herdbook.contracts.farmtime import FarmDay, Instant
from herdbook.contracts.identifiers import Sha256, Slug
from herdbook.contracts.validation import first_problem
from herdbook.errors import DeviceClockError, DeviceProtocolError, ManifestError, NotFoundError, TransferCorruptError
from herdbook.ingest.wire import broken, refused

MAX_JSON_BYTES = 16 * 1024 * 1024
_MAX_REFUSAL = 4096
TRIES = 3
PAUSE_S = 0.5
_BROKE_OFF = (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)
"""The device answered and the line broke: unlike silence, that may pass at once."""
_SERVED = (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT)
_LOST = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
T = TypeVar("T")


class Health(BaseModel):
    """``GET /v1/health``."""

    device_id: Slug
    software_version: str
    now: Instant
    free_bytes: Annotated[int, Field(ge=0)]
    status: str


class DayOffer(BaseModel):
    """One element of ``GET /v1/days``: the latest revision of a day."""

    day: FarmDay
    revision: Revision
    final: bool
    manifest_sha256: Sha256
    acknowledged: bool


_OFFERS = TypeAdapter(list[DayOffer])
_HEALTH = TypeAdapter(Health)
_ALERTS = TypeAdapter(AlertsPage)


class FileBody:
    """The bytes of a file as they come in. ``offset``: where in the file they begin."""

    def __init__(self, response: HTTPResponse, where: str, asked: int) -> None:
        self._response, self._where = response, where
        partial = response.status == HTTPStatus.PARTIAL_CONTENT
        self.offset = asked if partial else 0
        if partial and not (response.headers.get("Content-Range") or "").startswith(f"bytes {asked}-"):
            raise DeviceProtocolError(f"{where} sends another range than the one asked for")

    @property
    def complete(self) -> bool:
        """Whether all that the device announced has arrived."""
        return self._response.length in (0, None)

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, or less at the end; 0 is the end, or that the device hung up."""
        with _errors_are_said(self._where):
            return self._response.readinto(buffer)


class AgentClient:
    """One device's agent. Safe to use from several threads; close it after use, or use it as a context.

    Every method raises a `DeviceError` where the device does not answer or refuses. Where the line breaks within a
    small answer, it is asked again at once: every request may be repeated.
    """

    def __init__(
        self, device_id: str, url: str, token: str, *, trust: ssl.SSLContext | None = None, timeout_s: float = 30.0
    ) -> None:
        """Make a client of one agent.

        Args:
            device_id: the device that must answer.
            url: its agent's address.
            token: what opens it.
            trust: whose certificates to believe (`herdbook.ledger.transport.agent_trust`); none speaks without TLS.
            timeout_s: longest silence within a request.
        """
        self.device_id = device_id
        self.where = f"'{device_id}' at {url}"
        self._url = urlsplit(url)
        self._timeout_s = timeout_s
        # Bytes as they are stored: compressed ones would not resume at an offset.
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        if (self._url.scheme == "https") is (trust is None):
            raise ValueError("an https address is spoken to with an authority to believe, and no other is")
        self._trust = trust
        self._http = httpx.Client(
            base_url=url,
            headers=self._headers,
            verify=self._trust or False,
            timeout=timeout_s,
            trust_env=False,  # neither a proxy nor .netrc of the environment gets between us and a device
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def check(self, clock_skew_s: float) -> Health:
        """Ask after the device, and compare its name and clock with ours.

        Raises:
            DeviceProtocolError: another device answers at this address.
            DeviceClockError: the clocks differ by more than ``clock_skew_s``, whatever the round trip took.
        """
        before = datetime.now(UTC)
        health = self._json(_HEALTH, "/v1/health")
        after = datetime.now(UTC)
        if health.device_id != self.device_id:
            raise DeviceProtocolError(
                f"{self.where} says it is '{health.device_id}'",
                "Correct its address with `herdbook fleet enrol DEVICE --url URL`.",
            )
        ahead = health.now - after if health.now > after else min(health.now - before, timedelta(0))
        if abs(ahead).total_seconds() > clock_skew_s:
            side = "ahead of" if ahead > timedelta(0) else "behind"
            raise DeviceClockError(
                f"the clock of '{self.device_id}' is {abs(ahead)} {side} ours, more than {clock_skew_s:g} s"
            )
        return health

    def days(self) -> list[DayOffer]:
        """What the device offers: the latest revision of every day, oldest first."""
        offers = self._json(_OFFERS, "/v1/days")
        if len({offer.day for offer in offers}) != len(offers):
            raise DeviceProtocolError(f"'{self.device_id}' lists a day twice")
        return sorted(offers, key=lambda offer: offer.day)

    def manifest(self, day: date) -> tuple[bytes, str | None]:
        """The exact bytes of a day's latest manifest, and the digest the device says they have.

        Raises:
            NotFoundError: the device has no such day.
            ManifestError: it is larger than a manifest may be.
        """

        def read(response: httpx.Response) -> tuple[bytes, str | None]:
            if response.status_code == HTTPStatus.NOT_FOUND:
                raise NotFoundError(
                    f"'{self.device_id}' has no day {day}", "It may not have recorded it, or freed it already."
                )
            self._require(response, HTTPStatus.OK)
            raw = self._read(response, MAX_MANIFEST_BYTES, ManifestError)
            etag = response.headers.get("etag")
            return raw, etag.removeprefix("W/").strip('"') if etag else None

        return self._ask(read, "GET", f"/v1/days/{day.isoformat()}/manifest")

    def acknowledge(self, day: date, revision: int, manifest_sha256: str) -> bool:
        """Let the device free a revision. False where it has a newer one by now, which a later night fetches."""
        body = {"revision": revision, "manifest_sha256": manifest_sha256}

        def read(response: httpx.Response) -> bool:
            if response.status_code == HTTPStatus.CONFLICT:
                return False
            self._require(response, HTTPStatus.NO_CONTENT, HTTPStatus.OK)
            return True

        return self._ask(read, "POST", f"/v1/days/{day.isoformat()}/acknowledgement", json=body)

    def alerts(self) -> AlertsPage | None:
        """What the device raised or changed that was not acknowledged yet; none where its software knows no alerts.

        Raises:
            DeviceProtocolError: an alert is another device's.
        """

        def read(response: httpx.Response) -> AlertsPage | None:
            if response.status_code == HTTPStatus.NOT_FOUND:
                return None
            return self._parsed(_ALERTS, "/v1/alerts", response)

        page = self._ask(read, "GET", "/v1/alerts")
        if page is None:
            return None
        strange = {alert.device_id for alert in page.alerts} - {self.device_id}
        if strange:
            raise DeviceProtocolError(f"{self.where} sends alerts of '{min(strange)}'")
        return page

    def acknowledge_alerts(self, change: int) -> None:
        """Let the device forget alerts up to a change, once they are over."""

        def read(response: httpx.Response) -> None:
            self._require(response, HTTPStatus.NO_CONTENT, HTTPStatus.OK)

        self._ask(read, "POST", "/v1/alerts/acknowledgement", json={"change": change})

    @contextmanager
    def file(self, sha256: str, offset: int = 0) -> Iterator[FileBody]:
        """A file's bytes from an offset on, or from the start where the device does not do ranges.

        Raises:
            TransferCorruptError: the device does not have the file any more, or not all of it.
        """
        headers = self._headers | ({"Range": f"bytes={offset}-", "If-Range": f'"{sha256}"'} if offset else {})
        connection = self._connection()
        try:
            with _errors_are_said(self.where):
                connection.request("GET", f"{self._url.path}/v1/files/{sha256}", headers=headers)
                response = connection.getresponse()
                refusal = b"" if response.status in _SERVED else response.read(_MAX_REFUSAL)
            if response.status in _LOST:
                raise TransferCorruptError(refused(f"'{self.device_id}'", response.status, refusal).message)
            if response.status not in _SERVED:
                raise refused(self.where, response.status, refusal)
            yield FileBody(response, self.where, offset)
        finally:
            connection.close()

    def _connection(self) -> HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._trust is None:
            return HTTPConnection(host, port, timeout=self._timeout_s)
        return HTTPSConnection(host, port, timeout=self._timeout_s, context=self._trust)

    def _ask(self, read: Callable[[httpx.Response], T], method: str, path: str, **more: Any) -> T:
        for left in reversed(range(TRIES)):
            try:
                with self._http.stream(method, path, **more) as response:
                    return read(response)
            except httpx.DecodingError as error:
                said = f"{self.where} sends bytes that are not encoded as it says: {error}"
                raise DeviceProtocolError(said) from error
            except httpx.RequestError as error:
                if not left or not isinstance(error, _BROKE_OFF):
                    raise broken(self.where, error) from error
            time.sleep(PAUSE_S * (TRIES - left))
        raise AssertionError("the last try returned or raised")

    def _require(self, response: httpx.Response, *codes: int) -> None:
        if response.status_code not in codes:
            raise refused(self.where, response.status_code, self._read(response, _MAX_REFUSAL, DeviceProtocolError))

    def _read(self, response: httpx.Response, limit: int, error: type[ManifestError | DeviceProtocolError]) -> bytes:
        raw = bytearray()
        for chunk in response.iter_bytes():
            raw += chunk
            if len(raw) > limit:
                raise error(f"{self.where} sends more than {limit} bytes for {response.url.path}")
        return bytes(raw)

    def _json(self, adapter: TypeAdapter[T], path: str) -> T:
        return self._ask(lambda response: self._parsed(adapter, path, response), "GET", path)

    def _parsed(self, adapter: TypeAdapter[T], path: str, response: httpx.Response) -> T:
        self._require(response, HTTPStatus.OK)
        raw = self._read(response, MAX_JSON_BYTES, DeviceProtocolError)
        try:
            return adapter.validate_json(raw)
        except ValidationError as error:
            problem = first_problem(error.errors(), "the whole")
            raise DeviceProtocolError(f"{path} of {self.where} is not the agent's: {problem}") from error


@contextmanager
def _errors_are_said(where: str) -> Iterator[None]:
    try:
        yield
    except (OSError, HTTPException) as error:
        raise broken(where, error) from error
