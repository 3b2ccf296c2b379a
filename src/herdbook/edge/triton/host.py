"""The device's one Triton server. Whoever holds its lock keeps it; others of the device use it while it answers.

The server ends with its keeper, however that ends; the lock is free then, and the next who needs the server starts it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from herdbook.contracts.camera import Contract
from herdbook.contracts.durable import make_folder, write_durably
from herdbook.edge.triton.client import TritonClient
from herdbook.edge.triton.environment import find_triton
from herdbook.errors import HerdbookError, TritonError
from herdbook.processes.background import Background, free_ports

START_S = 60.0
"""Longest wait for a server to become ready."""
_POLL_S = 0.1
_SHARED = Path("/dev/shm")  # noqa: S108 - where Triton's Python backend keeps its shared memory


class _Address(Contract):
    port: int


class TritonHost:
    """The server of one device folder, as one process sees it."""

    def __init__(self, root: Path) -> None:
        """Nothing is started before `client` asks for it."""
        self.folder = root / "triton"
        self.models = self.folder / "models"
        self._lock_file: int | None = None
        self._server: Background | None = None
        self._client: TritonClient | None = None
        self._mutex = threading.RLock()

    @property
    def keeps(self) -> bool:
        """Whether this process holds the server."""
        return self._lock_file is not None

    def client(self) -> TritonClient:
        """A client of the running server, which is started, or started again after a crash, where nobody else keeps it.

        Raises:
            TritonError: there is no server here, or it does not become ready.
        """
        with self._mutex:
            deadline = time.monotonic() + START_S
            while time.monotonic() < deadline:
                if self._take():
                    # A server that answers though nobody keeps it is about to end: its keeper has died.
                    return self._own() or self._start()
                found = self._answering()
                if found is not None:
                    return found
                time.sleep(_POLL_S)  # its keeper is starting it, or is about to end
            raise TritonError("the Triton server of this device does not answer, and another process keeps it")

    def close(self) -> None:
        """End the server if we keep it."""
        with self._mutex:
            if self._server is not None:
                self._server.stop(patience_s=5.0)
                self._server = None
            if self._lock_file is not None:
                os.close(self._lock_file)
                self._lock_file = None
            self._client = None

    def _own(self) -> TritonClient | None:
        return self._client if self._server is not None and self._client is not None and self._client.ready() else None

    def _answering(self) -> TritonClient | None:
        try:
            port = _Address.model_validate_json((self.folder / "server.json").read_bytes()).port
        except (OSError, ValidationError):
            return None
        address = f"127.0.0.1:{port}"
        if self._client is None or self._client.address != address:
            self._client = TritonClient(address)
        return self._client if self._client.ready() else None

    def _take(self) -> bool:
        """Become the keeper, unless another process is."""
        if self._lock_file is not None:
            return True
        make_folder(self.folder)
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._lock_file = descriptor
        return True

    def _start(self) -> TritonClient:
        if self._server is not None:
            self._server.stop(patience_s=2.0)  # it crashed, or hangs
            self._server = None
        environment = find_triton(self.folder / "backends")
        make_folder(self.models)
        prefix = f"herdbook-{hashlib.sha256(str(self.folder.resolve()).encode()).hexdigest()[:12]}-"
        for left_over in _SHARED.glob(f"{prefix}*"):
            left_over.unlink(missing_ok=True)
        (port,) = free_ports(1)
        command: list[str | Path] = [
            "/usr/bin/env",
            *(f"{name}={value}" for name, value in environment.variables.items()),
            environment.binary,
            f"--model-repository={self.models}",
            f"--backend-directory={environment.backends}",
            f"--backend-config=python,shm-region-prefix-name={prefix}",
            "--model-control-mode=explicit",
            "--exit-on-error=false",
            "--exit-timeout-secs=5",
            "--http-address=127.0.0.1",
            f"--http-port={port}",
            "--allow-grpc=false",
            "--allow-metrics=false",
        ]
        log = self.folder / "server.log"
        log.unlink(missing_ok=True)
        server = self._server = Background("Triton", command, log, os.environ)
        client = self._client = TritonClient(f"127.0.0.1:{port}")
        deadline = time.monotonic() + START_S
        while not client.ready():
            try:
                server.check()
            except HerdbookError as error:
                raise TritonError(f"the Triton server did not start: {error.message}"[:400], error.remedy) from error
            if time.monotonic() > deadline:
                raise TritonError(f"the Triton server is not ready after {START_S:g} s", f"See {log}.")
            time.sleep(_POLL_S)
        write_durably(self.folder / "server.json", _Address(port=port).model_dump_json().encode())
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
