"""What can go wrong between us and a device, as errors that say what to do. A token is never part of a message."""

from __future__ import annotations

import json
import ssl
from http import HTTPStatus

from herdbook.errors import (
    DeviceAuthenticationError,
    DeviceError,
    DeviceProtocolError,
    DeviceUnreachableError,
)
from herdbook.ledger.transport import distrusted

_SHOWN = 200


def broken(where: str, error: Exception) -> DeviceError:
    """What a failed connection means.

    Args:
        where: names the device and its address.
        error: of httpx or the standard library; what lies beneath it counts.
    """
    tls = _beneath(error)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return distrusted(where, tls)
    if tls is not None and not isinstance(tls, ssl.SSLEOFError):
        return DeviceProtocolError(f"{where} does not speak TLS as expected: {tls.reason}")
    return DeviceUnreachableError(f"{where} does not answer: {error or type(error).__name__}")


def refused(where: str, status: int, body: bytes) -> DeviceError:
    """What an unexpected status means; the agent's own explanation is quoted, shortened."""
    try:
        detail = ": " + str(json.loads(body)["detail"])[:_SHOWN]
    except (ValueError, KeyError, TypeError, RecursionError):
        detail = ""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return DeviceAuthenticationError(f"{where} refuses our token")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        return DeviceError(f"{where} fails with status {status}{detail}")
    return DeviceProtocolError(f"{where} answers with status {status}{detail}")


def _beneath(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None
