"""Running the agent: uvicorn, with TLS when given certificates."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from herdbook.contracts.loopback import is_loopback
from herdbook.edge.config import DeviceConfig
from herdbook.edge.days import DayStore
from herdbook.edge.keyring import Keyring
from herdbook.edge.retention import free_acknowledged
from herdbook.edge.tls import identity_path, server_context
from herdbook.errors import ConfigurationError, MissingDependencyError, PlainHttpRefusedError


def serve(
    root: Path,
    config: DeviceConfig,
    token_file: Path,
    *,
    host: str,
    port: int,
    certfile: Path | None = None,
    keyfile: Path | None = None,
    plain_http: bool = False,
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Free what may be freed by now, then serve until stopped by SIGINT or SIGTERM.

    Args:
        port: 0 takes any that is free.
        certfile: PEM; by default what `herdbook edge certificate` put into force, if anything.
        keyfile: PEM of its key.
        plain_http: listen without a certificate even where other machines can reach it.
        ready: told the agent's address once it listens.

    Raises:
        ConfigurationError: the token file is unsafe, certificate or key is missing or wrong, or the port is taken.
        PlainHttpRefusedError: other machines could reach it, without TLS.
        MissingDependencyError: the extra ``edge`` is not installed.
    """
    keys = Keyring.of(token_file)
    certfile, keyfile = _identity(root, certfile, keyfile)
    if certfile is None and not plain_http and not is_loopback(host):
        raise PlainHttpRefusedError(f"the agent would listen on {host} without TLS")
    try:
        import uvicorn

        from herdbook.edge.agent import create_agent
    except ImportError as error:
        raise MissingDependencyError("the agent needs the extra 'edge' (FastAPI, uvicorn)") from error
    root.mkdir(parents=True, exist_ok=True)
    free_acknowledged(DayStore(root), root, config, datetime.now(UTC))
    options = uvicorn.Config(create_agent(root, config, keys), log_level="warning", server_header=False)
    try:
        options.load()
        if certfile is not None:
            options.ssl = server_context(certfile, keyfile)
        listening = _listen(host, port)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the agent cannot listen on {host}:{port}: {error}") from error
    with listening:
        number = listening.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        ready(f"{'https' if certfile else 'http'}://{shown}:{number}")
        uvicorn.Server(options).run(sockets=[listening])


def _identity(root: Path, certfile: Path | None, keyfile: Path | None) -> tuple[Path | None, Path | None]:
    if (certfile is None) != (keyfile is None):
        raise ConfigurationError("TLS needs both a certificate and its key", "Give --certfile and --keyfile.")
    for path in (certfile, keyfile):
        if path is not None and not path.is_file():
            raise ConfigurationError(f"{path} is not there")
    own = identity_path(root)
    return (own, None) if certfile is None and own.is_file() else (certfile, keyfile)


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(address)
    listening.listen(128)
    return listening
