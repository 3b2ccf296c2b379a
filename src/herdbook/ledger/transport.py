"""How the platform speaks to a device's agent: over TLS, or without it only where that was said to be right.

Everything that opens a connection to a device asks here first: nights, enrolment, rollouts.
"""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

from herdbook.contracts.loopback import is_loopback
from herdbook.errors import ConfigurationError, DeviceAuthenticationError, PlainHttpRefusedError
from herdbook.settings import Settings


def agent_trust(settings: Settings, url: str, ca_file: str | None) -> ssl.SSLContext | None:
    """Whose certificates to believe of the agent at an address; none where it is spoken to without TLS.

    Args:
        settings: names the hosts that may be spoken to without TLS.
        url: the agent's address.
        ca_file: PEM file of the authority; the system's authorities where none.

    Raises:
        PlainHttpRefusedError: the address is without TLS, is not this machine's own, and nobody allowed it.
        ConfigurationError: the authority's file cannot be read.
    """
    if urlsplit(url).scheme != "https":
        require_tls(settings, url)
        return None
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"{ca_file}: {error}", "Enrol the device again with a readable --ca-file.") from error


def require_tls(settings: Settings, url: str) -> None:
    """Refuse an address without TLS, unless it is this machine's own or `Settings.plain_http_hosts` names it.

    Raises:
        PlainHttpRefusedError: it is neither.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if parts.scheme != "https" and not is_loopback(host) and host not in settings.plain_hosts:
        raise PlainHttpRefusedError(f"{url} is an address without TLS: token and footage would travel readable")


def distrusted(where: str, error: ssl.SSLCertVerificationError) -> DeviceAuthenticationError:
    """What it means that a device's certificate was not believed, by what is wrong with it.

    Args:
        where: names the device and its address.
        error: of the handshake.
    """
    said = f"the certificate of {where} is not trusted: {error.verify_message}"
    remedies = {
        10: "Renew it: `herdbook fleet ca renew DEVICE`, or by hand as docs/fleet-manager.md says.",  # expired
        62: "Issue one for the name in its address: `herdbook fleet ca issue DEVICE`.",  # another host's name
        64: "Issue one for the address it has: `herdbook fleet ca issue DEVICE`.",  # another IP address
        47: "Its authority may not vouch for that name: find out who issued it before anything else.",  # constraints
    }
    other = "Give the authority's certificate with `herdbook fleet enrol DEVICE --ca-file FILE`."
    return DeviceAuthenticationError(said, remedies.get(error.verify_code, other))
