"""Many devices in one process: the real agent of each, behind a line of its own that may be cut or dead.

Run as ``python -m support.many_agents FOLDER [DEVICE …]``. Each folder ``FOLDER/<device>`` is a device; ``lines.json``
there gives each its port, and says what is wrong with the lines: the share of connections that are cut, after how many
bytes of answers at most, and who is off. Every connection is a line in ``connections.jsonl``. The agents listen on one
port and tell devices apart by the path; in front of it each device has its own, which passes bytes on.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from herdbook.edge.agent import create_agent
from herdbook.edge.config import read_device_config
from herdbook.edge.init import TOKEN_NAME
from herdbook.edge.tokens import read_token

LINES = "lines.json"
CONNECTIONS = "connections.jsonl"


@dataclass(frozen=True)
class Lines:
    """The ports of devices, and what is wrong with the lines to them."""

    ports: Mapping[str, int]
    cut: float = 0.0
    """Share of connections that are cut: every tenth at 0.1, whosever it is; where one ends before, the next."""
    within_bytes: int = 1_000
    """Of answers, before the line is cut: anywhere from the first on, in a small one as in a large one."""
    off: Sequence[str] = field(default_factory=list)
    """Devices that nothing answers for."""
    seed: int = 0

    def url(self, device_id: str) -> str:
        """Where the platform finds a device."""
        return f"http://127.0.0.1:{self.ports[device_id]}/{device_id}"

    def write(self, folder: Path) -> None:
        """Say it to processes that are yet to be started."""
        (folder / LINES).write_text(json.dumps(asdict(self)))


class Agents:
    """The agents of several devices, as one ASGI application; the first part of the path names the device."""

    def __init__(self, folder: Path, device_ids: Sequence[str]) -> None:
        self._apps = {name: _agent(folder / name) for name in device_ids}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        _, name, *rest = scope["path"].split("/")
        path = "/" + "/".join(rest)
        await self._apps[name]({**scope, "path": path, "raw_path": path.encode()}, receive, send)


def _agent(root: Path) -> Any:
    return create_agent(root, read_device_config(root / "device.yaml"), read_token(root / TOKEN_NAME))


@dataclass
class Cuts:
    """Which connections are to be cut, so that in the end as many were as the lines say."""

    share: float
    _all: int = 0
    _cut: int = 0

    def falls_to_next(self) -> bool:
        """Whether it is the next connection's turn."""
        self._all += 1
        chosen = self._all * self.share >= self._cut + 1
        self._cut += chosen
        return chosen

    def came_too_late(self) -> None:
        """One that was chosen had ended before."""
        self._cut -= 1


class Line:
    """What lies between the platform and one device."""

    def __init__(self, device_id: str, lines: Lines, agents_port: int, said: Path, cuts: Cuts) -> None:
        self._device_id, self._lines, self._port, self._said = device_id, lines, agents_port, said
        self._cuts = cuts
        self._chance = random.Random(f"{lines.seed} {device_id}")

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: whole, or cut after some bytes of answers."""
        cut = self._cuts.falls_to_next()
        left = int(self._lines.within_bytes ** self._chance.random()) if cut else None
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        answers = asyncio.create_task(_pass_on(there, writer, left))
        asks = asyncio.create_task(_pass_on(reader, back, None))
        await asyncio.wait([answers, asks], return_when=asyncio.FIRST_COMPLETED)
        was_cut = answers.done() and bool(answers.result())
        if cut and not was_cut:
            self._cuts.came_too_late()
        with self._said.open("a") as stream:
            stream.write(json.dumps({"device": self._device_id, "cut": was_cut}) + "\n")
        for end in (writer, back):
            if was_cut:
                end.transport.abort()
            else:
                end.close()
        asks.cancel()
        answers.cancel()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter, left: int | None) -> bool:
    """Pass on until the end, or so many bytes; whether these were all that it passes on."""
    with suppress(OSError):
        while chunk := await source.read(65536):
            target.write(chunk[:left])
            await target.drain()
            if left is not None and (left := left - len(chunk)) <= 0:
                return True
    return False


async def _serve(folder: Path, device_ids: Sequence[str]) -> None:
    lines = Lines(**json.loads((folder / LINES).read_text()))
    options = uvicorn.Config(Agents(folder, device_ids), port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(options)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    cuts = Cuts(lines.cut)
    port = server.servers[0].sockets[0].getsockname()[1]
    for name in device_ids:
        if name not in lines.off:
            line = Line(name, lines, port, folder / CONNECTIONS, cuts)
            await asyncio.start_server(line, "127.0.0.1", lines.ports[name])
    print("serving", flush=True)
    await serving


def main(folder: Path, device_ids: Sequence[str]) -> None:
    """Serve until told to end; then leave behind how much processor time it took."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again once it has ended
    try:
        asyncio.run(_serve(folder, device_ids))
    finally:
        used = resource.getrusage(resource.RUSAGE_SELF)
        (folder / f"used-{os.getpid()}.json").write_text(json.dumps(used.ru_utime + used.ru_stime))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
