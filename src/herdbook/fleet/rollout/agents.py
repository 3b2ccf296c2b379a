"""Many devices asked at once: their reports, a nudge, the engines that a canary built.

One event loop asks all of them, so many at a time. A device that does not answer, or not like an agent, is one that
said nothing: its error is kept for people, and the deadline decides.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
from pydantic import ValidationError

from herdbook.contracts.activation import DeviceReport
from herdbook.contracts.release import File
from herdbook.errors import ConfigurationError, DeviceAuthenticationError

MAX_REPORT_BYTES = 4 << 20
AT_ONCE = 64
ASK_TIMEOUT_S = 10.0
"""A report is small: a device that takes longer is asked again with the next step."""
T = TypeVar("T")


@dataclass(frozen=True)
class Address:
    """Where a device's agent is, and how it is spoken to."""

    device_id: str
    url: str
    token: str
    ca_file: str | None = None

    def __repr__(self) -> str:  # the token is nobody's
        return f"Address({self.device_id!r}, {self.url!r})"


class Agents:
    """The agents of a fleet.

    Args:
        timeout_s: longest silence within a request.
        at_once: how many devices are asked at a time.
    """

    def __init__(self, addresses: Sequence[Address], *, timeout_s: float, at_once: int = AT_ONCE) -> None:
        self._addresses = {address.device_id: address for address in addresses}
        self._timeout_s = timeout_s
        self._at_once = at_once

    def reports(self) -> tuple[dict[str, DeviceReport], dict[str, str]]:
        """What devices say, and what is wrong with those that do not, by device."""
        return self._all(self._addresses, self._report)

    def nudge(self, device_ids: Sequence[str]) -> set[str]:
        """Ask devices to look for their assignment now; those that heard it."""
        heard, _ = self._all({name: self._addresses[name] for name in device_ids if name in self._addresses}, _nudge)
        return set(heard)

    def fetch(self, device_id: str, files: Sequence[File], folder: Path) -> list[Path]:
        """Fetch engines that a device built, each checked against its digest.

        Raises:
            ValueError: the device does not give them, or gives something else.
        """
        address = self._addresses[device_id]

        async def get(client: httpx.AsyncClient, _: Address) -> list[Path]:
            return [await _fetch(client, address, file, folder) for file in files]

        got, wrong = self._all({device_id: address}, get)
        if device_id in wrong:
            raise ValueError(wrong[device_id])
        return got[device_id]

    def _all(
        self, addresses: Mapping[str, Address], ask: Callable[[httpx.AsyncClient, Address], Awaitable[T]]
    ) -> tuple[dict[str, T], dict[str, str]]:
        return asyncio.run(self._ask_all(addresses, ask)) if addresses else ({}, {})

    async def _ask_all(
        self, addresses: Mapping[str, Address], ask: Callable[[httpx.AsyncClient, Address], Awaitable[T]]
    ) -> tuple[dict[str, T], dict[str, str]]:
        said: dict[str, T] = {}
        wrong: dict[str, str] = {}
        turn = asyncio.Semaphore(self._at_once)

        async def one(client: httpx.AsyncClient, address: Address) -> None:
            async with turn:
                try:
                    said[address.device_id] = await ask(client, address)
                except httpx.HTTPError as error:
                    wrong[address.device_id] = f"does not answer: {error or type(error).__name__}"[:300]
                except (ValueError, OSError) as error:
                    wrong[address.device_id] = str(error)[:300]

        async with AsyncExitStack() as stack:
            clients: dict[str | None, httpx.AsyncClient] = {}
            for authority in {address.ca_file for address in addresses.values()}:
                try:
                    clients[authority] = await stack.enter_async_context(self._client(authority))
                except ConfigurationError as error:
                    wrong |= {a.device_id: error.message for a in addresses.values() if a.ca_file == authority}
            asked = [one(clients[a.ca_file], a) for a in addresses.values() if a.ca_file in clients]
            await asyncio.gather(*asked)
        return said, wrong

    def _client(self, ca_file: str | None) -> httpx.AsyncClient:
        secure = any(a.ca_file == ca_file and a.url.startswith("https") for a in self._addresses.values())
        try:
            trusted = ssl.create_default_context(cafile=ca_file) if secure else False
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"{ca_file}: {error}", "Enrol the device again with a readable --ca-file."
            ) from error
        return httpx.AsyncClient(
            verify=trusted,
            timeout=self._timeout_s,
            trust_env=False,
            limits=httpx.Limits(max_connections=self._at_once, max_keepalive_connections=0),
        )

    async def _report(self, client: httpx.AsyncClient, address: Address) -> DeviceReport:
        raw = bytearray()
        async with client.stream("GET", f"{address.url}/v1/release", headers=_headers(address)) as response:
            _require(response, 200)
            async for chunk in response.aiter_bytes():
                raw += chunk
                if len(raw) > MAX_REPORT_BYTES:
                    raise ValueError(f"reports more than {MAX_REPORT_BYTES} bytes")
        try:
            report = DeviceReport.model_validate_json(bytes(raw))
        except ValidationError as error:
            raise ValueError(f"its report is not the agent's: {error.errors()[0]['msg']}") from error
        if report.device_id != address.device_id:
            raise ValueError(f"says it is '{report.device_id}': correct its address with `herdbook fleet enrol`")
        return report


async def _nudge(client: httpx.AsyncClient, address: Address) -> None:
    _require(await client.post(f"{address.url}/v1/release/check", headers=_headers(address)), 200, 202, 204)


async def _fetch(client: httpx.AsyncClient, address: Address, file: File, folder: Path) -> Path:
    path, digest, size = folder / file.name, hashlib.sha256(), 0
    async with client.stream("GET", f"{address.url}/v1/plans/{file.sha256}", headers=_headers(address)) as response:
        _require(response, 200)
        with path.open("wb") as stream:
            async for chunk in response.aiter_bytes():
                size += len(chunk)
                if size > file.bytes:
                    break
                digest.update(chunk)
                stream.write(chunk)
    if size != file.bytes or digest.hexdigest() != file.sha256:
        path.unlink(missing_ok=True)
        raise ValueError(f"sends another {file.name} than it offered")
    return path


def _headers(address: Address) -> dict[str, str]:
    return {"Authorization": f"Bearer {address.token}"}


def _require(response: httpx.Response, *codes: int) -> None:
    if response.status_code in (401, 403):
        raise ValueError(DeviceAuthenticationError("refuses our token").message)
    if response.status_code not in codes:
        raise ValueError(f"answers with status {response.status_code}")
