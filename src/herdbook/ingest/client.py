"""The agent's HTTP API, seen from here. Everything a device says is checked; a token is never logged."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import Annotated, Any, Self, TypeVar

import httpx
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError

from herdbook.contracts.device_day import MAX_MANIFEST_BYTES
from herdbook.contracts.identifiers import Sha256, Slug
from herdbook.errors import (
    ConfigurationError,
    DeviceAuthenticationError,
    DeviceClockError,
    DeviceError,
    DeviceProtocolError,
    DeviceUnreachableError,
    ManifestError,
    NotFoundError,
    TransferCorruptError,
)

MAX_JSON_BYTES = 16 * 1024 * 1024
T = TypeVar("T")


class Health(BaseModel):
    """``GET /v1/health``."""

    device_id: Slug
    software_version: str
    now: AwareDatetime
    free_bytes: int
    status: str


class DayOffer(BaseModel):
    """One element of ``GET /v1/days``: the latest revision of a day."""

    day: date
    revision: Annotated[int, Field(ge=1)]
    final: bool
    manifest_sha256: Sha256
    acknowledged: bool


_OFFERS = TypeAdapter(list[DayOffer])
_HEALTH = TypeAdapter(Health)


class AgentClient:
    """One device's agent. Safe to use from several threads; close it after use, or use it as a context."""

    def __init__(
        self,
        device_id: str,
        url: str,
        token: str,
        *,
        ca_file: str | None = None,
        timeout_s: float = 30.0,
        connections: int = 4,
    ) -> None:
        self.device_id = device_id
        self._http = httpx.Client(
            base_url=url,
            # Bytes as they are stored: compressed ones would not resume at an offset.
            headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"},
            verify=_trust(ca_file) if url.startswith("https") else False,
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=connections + 1, max_keepalive_connections=connections + 1),
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
            DeviceError: see the module's other errors.
        """
        before = datetime.now(UTC)
        health = self._json(_HEALTH, "/v1/health")
        after = datetime.now(UTC)
        if health.device_id != self.device_id:
            raise DeviceProtocolError(
                f"at {self._http.base_url} answers device '{health.device_id}', not '{self.device_id}'",
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
        """What the device offers: the latest revision of every day."""
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
        with self.stream("GET", f"/v1/days/{day.isoformat()}/manifest") as response:
            if response.status_code == httpx.codes.NOT_FOUND:
                raise NotFoundError(
                    f"'{self.device_id}' has no day {day}", "It may not have recorded it, or freed it already."
                )
            self._require(response, httpx.codes.OK)
            raw = self._read(response, MAX_MANIFEST_BYTES, ManifestError)
            etag = response.headers.get("etag")
            return raw, etag.removeprefix("W/").strip('"') if etag else None

    @contextmanager
    def file(self, sha256: str, offset: int = 0) -> Iterator[httpx.Response]:
        """A file's bytes from an offset on: an open response with status 206, or 200 from the start.

        Raises:
            TransferCorruptError: the device does not have the file.
        """
        headers = {"Range": f"bytes={offset}-", "If-Range": f'"{sha256}"'} if offset else {}
        with self.stream("GET", f"/v1/files/{sha256}", headers=headers) as response:
            if response.status_code == httpx.codes.NOT_FOUND:
                raise TransferCorruptError(f"'{self.device_id}' does not have the file {sha256[:12]}… it offers")
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise TransferCorruptError(f"the file {sha256[:12]}… of '{self.device_id}' is shorter than it says")
            self._require(response, httpx.codes.OK, httpx.codes.PARTIAL_CONTENT)
            yield response

    def acknowledge(self, day: date, revision: int, manifest_sha256: str) -> bool:
        """Let the device free a revision. False where it has a newer one by now, which a later night fetches."""
        body = {"revision": revision, "manifest_sha256": manifest_sha256}
        with self.stream("POST", f"/v1/days/{day.isoformat()}/acknowledgement", json=body) as response:
            if response.status_code == httpx.codes.CONFLICT:
                return False
            self._require(response, httpx.codes.NO_CONTENT, httpx.codes.OK)
            return True

    @contextmanager
    def stream(self, method: str, path: str, **more: Any) -> Iterator[httpx.Response]:
        """An open response; whatever goes wrong on the wire, also while it is read, becomes a `DeviceError`."""
        try:
            with self._http.stream(method, path, **more) as response:
                yield response
        except httpx.TimeoutException as error:
            raise DeviceUnreachableError(f"'{self.device_id}' at {self._http.base_url} does not answer") from error
        except httpx.TransportError as error:
            raise self._said(error) from error

    def _said(self, error: httpx.TransportError) -> DeviceError:
        where = f"'{self.device_id}' at {self._http.base_url}"
        tls = _cause(error, ssl.SSLError)
        if isinstance(tls, ssl.SSLCertVerificationError):
            return DeviceAuthenticationError(
                f"the certificate of {where} is not trusted: {tls.verify_message}",
                "Give the authority's certificate with `herdbook fleet enrol DEVICE --ca-file FILE`.",
            )
        if tls is not None:
            return DeviceProtocolError(f"{where} does not speak TLS as expected: {tls.reason}")
        return DeviceUnreachableError(f"{where}: {error}")

    def _require(self, response: httpx.Response, *codes: int) -> None:
        if response.status_code in codes:
            return
        where = f"'{self.device_id}' at {response.url}"
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise DeviceAuthenticationError(f"'{self.device_id}' refuses our token")
        if response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise DeviceError(f"{where} fails with status {response.status_code}")
        raise DeviceProtocolError(f"{where} answers with status {response.status_code}")

    def _read(self, response: httpx.Response, limit: int, error: type[ManifestError | DeviceProtocolError]) -> bytes:
        raw = bytearray()
        for chunk in response.iter_bytes():
            raw += chunk
            if len(raw) > limit:
                raise error(f"'{self.device_id}' sends more than {limit} bytes for {response.url.path}")
        return bytes(raw)

    def _json(self, adapter: TypeAdapter[T], path: str) -> T:
        with self.stream("GET", path) as response:
            self._require(response, httpx.codes.OK)
            raw = self._read(response, MAX_JSON_BYTES, DeviceProtocolError)
        try:
            return adapter.validate_json(raw)
        except ValidationError as error:
            first = error.errors()[0]["msg"]
            raise DeviceProtocolError(f"{path} of '{self.device_id}' is not the agent's: {first}") from error


def _trust(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"{ca_file}: {error}", "Enrol the device again with a readable --ca-file.") from error


def _cause(error: BaseException | None, kind: type[T]) -> T | None:
    while error is not None:
        if isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None
