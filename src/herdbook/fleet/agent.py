"""A device's agent, as those who look after devices speak to it: small questions, small answers, all checked."""

from __future__ import annotations

import json
import ssl
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from herdbook.contracts.identifiers import Slug
from herdbook.contracts.validation import first_problem
from herdbook.errors import DeviceAuthenticationError, DeviceProtocolError, DeviceUnreachableError
from herdbook.ledger.models import Device
from herdbook.ledger.transport import agent_trust, distrusted
from herdbook.settings import Settings

_TIMEOUT_S = 5.0
_MAX_BYTES = 1 << 16
Answer = TypeVar("Answer", bound=BaseModel)


class _Name(BaseModel):
    """What of ``GET /v1/health`` matters here."""

    device_id: Slug


class Agent:
    """A connection to one device's agent; use it as a context.

    Every question raises `DeviceUnreachableError`, `DeviceAuthenticationError` or `DeviceProtocolError` where the
    device does not answer as it should.

    Args:
        settings: how devices may be spoken to.
        device: which one, and where.
        token: what opens it.

    Raises:
        ConfigurationError: it may not be spoken to without TLS, or its authority's file cannot be read.
    """

    def __init__(self, settings: Settings, device: Device, token: str) -> None:
        self.device_id = device.device_id
        self.where = f"'{device.device_id}' at {device.url}"
        self.certificate: bytes | None = None
        """What the agent proved itself with in its last answer, DER; none without TLS."""
        self._http = httpx.Client(
            base_url=device.url,
            headers={"Authorization": f"Bearer {token}"},
            verify=agent_trust(settings, device.url, device.ca_file) or False,
            timeout=_TIMEOUT_S,
            trust_env=False,  # neither a proxy nor .netrc of the environment gets between us and a device
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def require_name(self) -> None:
        """Refuse another device's agent."""
        name = self.get("/v1/health", _Name)
        if name.device_id != self.device_id:
            raise DeviceProtocolError(
                f"{self.where} says it is '{name.device_id}'",
                "Correct its address with `herdbook fleet enrol DEVICE --url URL`.",
            )

    def get(self, path: str, kind: type[Answer]) -> Answer:
        """Ask for a document."""
        return self._parsed(path, self._said("GET", path), kind)

    def ask(self, path: str, kind: type[Answer]) -> Answer:
        """Have a document made."""
        return self._parsed(path, self._said("POST", path), kind)

    def put(self, path: str, document: dict[str, Any]) -> None:
        """Give it a document."""
        self._said("PUT", path, json=document)

    def _parsed(self, path: str, said: bytes, kind: type[Answer]) -> Answer:
        try:
            return kind.model_validate_json(said)
        except ValidationError as error:
            problem = first_problem(error.errors(), "the whole")
            raise DeviceProtocolError(f"{path} of {self.where} is not the agent's: {problem}") from error

    def _said(self, method: str, path: str, **more: Any) -> bytes:
        try:
            with self._http.stream(method, path, **more) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > _MAX_BYTES:
                        raise DeviceProtocolError(f"{self.where} sends more than {_MAX_BYTES} bytes for {path}")
                tls = response.extensions["network_stream"].get_extra_info("ssl_object")
        except (httpx.RequestError, OSError) as error:
            if (refused := _certificate_error(error)) is not None:
                raise distrusted(self.where, refused) from error
            raise DeviceUnreachableError(f"{self.where} does not answer: {error or type(error).__name__}") from error
        if response.status_code in (401, 403):
            raise DeviceAuthenticationError(f"{self.where} refuses our token")
        if response.status_code not in (200, 204):
            raise DeviceProtocolError(f"{self.where} answers {path} with status {response.status_code}{_detail(body)}")
        self.certificate = None if tls is None else tls.getpeercert(True)
        return bytes(body)


def _certificate_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _detail(body: bytearray) -> str:
    """The agent's own explanation, shortened."""
    try:
        return f": {str(json.loads(body)['detail'])[:200]}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
