"""The signed repository over HTTP, read-only, with ranges: for demo and small sites. Any static server does as well.

What is served is signed: this server needs no secret, and whoever takes it over can withhold, not alter.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from herdbook.errors import ConfigurationError, MissingDependencyError
from herdbook.fleet.trust.store import repository_folder
from herdbook.settings import Settings


def serve(
    settings: Settings, *, host: str, port: int, ready: Callable[[str], None] = lambda url: None, access: bool = False
) -> None:
    """Serve until stopped by SIGINT or SIGTERM.

    Args:
        port: 0 takes any that is free.
        ready: told the address once it listens.
        access: whether each request is written to stdout.

    Raises:
        ConfigurationError: the port is taken.
        MissingDependencyError: the extra ``edge`` or ``airflow`` is not installed.
    """
    try:
        import uvicorn
        from starlette.applications import Starlette
        from starlette.routing import Mount
        from starlette.staticfiles import StaticFiles
    except ImportError as error:
        raise MissingDependencyError("serving needs starlette and uvicorn, of the extra 'edge' or 'airflow'") from error

    class Published(StaticFiles):
        """Files of the repository; what is being written begins with a dot, and is not there yet."""

        def lookup_path(self, path: str) -> tuple[str, object]:  # type: ignore[override]
            hidden = any(part.startswith(".") for part in Path(path).parts)
            return ("", None) if hidden else super().lookup_path(path)

    folder = repository_folder(settings)
    for name in ("metadata", "targets"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    app = Starlette(routes=[Mount(f"/{name}", Published(directory=folder / name)) for name in ("metadata", "targets")])
    options = uvicorn.Config(app, log_level="info" if access else "warning", access_log=access, server_header=False)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error}") from error
    with listening:
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{listening.getsockname()[1]}")
        uvicorn.Server(options).run(sockets=[listening])
