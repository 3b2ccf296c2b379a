"""What can go wrong between us and a device, as errors that say what to do. A token is never part of a message."""

from __future__ import annotations

import json
import ssl
from http import HTTPStatus

from herdbook.errors import (
    ConfigurationError,
    DeviceAuthenticationError,
    DeviceError,
    DeviceProtocolError,
    DeviceUnreachableError,
)

_SHOWN = 200


def trust(ca_file: str | None) -> ssl.SSLContext:
    """Whose certificates to believe: the given authority's, or the system's.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"{ca_file}: {error}", "Enrol the device again with a readable --ca-file.") from error


def broken(where: str, error: Exception) -> DeviceError:
    """What a failed connection means.

    Args:
        where: names the device and its address.
        error: of httpx or the standard library; what lies beneath it counts.
    """
    tls = _beneath(error)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return DeviceAuthenticationError(
            f"the certificate of {where} is not trusted: {tls.verify_message}",
            "Give the authority's certificate with `herdbook fleet enrol DEVICE --ca-file FILE`.",
        )
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
