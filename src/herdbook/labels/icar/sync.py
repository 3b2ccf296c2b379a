"""Follow a server of farm records: each page and the token behind it land in one transaction of the lake.

A server is described by ``$HERDBOOK_HOME/sync/NAME.yaml``; its token is in ``$HERDBOOK_HOME/secrets/sync/NAME.token``::

    url: https://mro.example/icar/datasets/hill/changes
    mapping: {source: mro, farm: hill, timezone: Europe/Helsinki}     # herdbook.labels.icar.mapping
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import duckdb
from pydantic import AfterValidator, ValidationError

from herdbook.contracts.camera import Contract
from herdbook.contracts.validation import first_problem
from herdbook.contracts.yamltext import YamlTextError, read_yaml
from herdbook.errors import (
    ConfigurationError,
    LabelServerProtocolError,
    LabelServerRefusedError,
    NotFoundError,
    StorageError,
)
from herdbook.labels.icar.importer import IcarResult, import_messages
from herdbook.labels.icar.mapping import IcarMapping
from herdbook.labels.icar.server import ChangesServer, Page
from herdbook.labels.icar.store import stored_messages
from herdbook.lake.attach import open_lake
from herdbook.lake.rows import insert_rows
from herdbook.settings import Settings

_HERE = ("localhost", "127.0.0.1", "::1")


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
        raise ValueError("is not an https address: the token would travel in the open")
    return url


class ServerFile(Contract):
    """What a server's file says."""

    url: Annotated[str, AfterValidator(_address)]
    ca_file: str | None = None
    mapping: IcarMapping


@dataclass(frozen=True)
class SyncResult:
    """What following a server came to, over all pages."""

    name: str
    pages: int
    full: bool
    """Whether everything was fetched from the beginning, because the server asked for it."""
    messages: int
    deleted: int
    added: int
    changed: int
    retracted: int
    quarantined: int
    quarantine: tuple[Path, ...]
    notes: tuple[str, ...]


def server_names(settings: Settings) -> list[str]:
    """Servers that are described."""
    return sorted(path.stem for path in settings.sync.glob("*.yaml"))


def read_server(settings: Settings, name: str) -> ServerFile:
    """What a server's file says.

    Raises:
        NotFoundError: there is no such file.
        ConfigurationError: it is not valid; the message names the key.
    """
    path = settings.sync / f"{name}.yaml"
    if name not in server_names(settings):
        raise NotFoundError(f"there is no server '{name}'", f"Describe it in {path}.")
    try:
        return ServerFile.model_validate(read_yaml(path))
    except ValidationError as error:
        raise ConfigurationError(f"{path.name}: {first_problem(error.errors(), 'as a whole')}") from error
    except YamlTextError as error:
        raise ConfigurationError(f"{path.name} is not YAML: {error}") from error


def sync(settings: Settings, name: str, *, sleep: Callable[[float], None] = time.sleep) -> SyncResult:
    """Take over all changes since the last time. What was taken over stays, whatever happens to later pages.

    Raises:
        NotFoundError, ConfigurationError: the server is not described, or wrongly.
        LabelServerError: it does not answer as it should; the next time goes on behind the last whole page.
        StorageError: the lake cannot be written, or another process follows the same server.
    """
    server = read_server(settings, name)
    secret = _secret(settings, name)
    done: list[IcarResult] = []
    with ChangesServer(
        server.url, secret, ca_file=server.ca_file, timeout_s=settings.timeout_s, sleep=sleep
    ) as changes:
        token = _last_token(settings, name, server.url)
        while True:
            page = changes.page(token)
            anew = page.full_sync and token is not None
            if anew:
                page = _everything(changes)
            elif page.token == token and page.messages:
                raise LabelServerProtocolError(f"{changes.where} sends changes, but the token that was asked with")
            if page.token != token or page.messages:
                done.append(_land(settings, name, server, page, token))
            if anew or not page.messages:
                return _sum(name, done, full=anew)
            token = page.token


def again(settings: Settings, name: str) -> SyncResult:
    """Make facts anew of the messages that are kept: after animals or tags were added to the roster.

    Raises:
        NotFoundError, ConfigurationError: the server is not described, or wrongly.
    """
    mapping = read_server(settings, name).mapping
    with open_lake(settings, read_only=True) as lake:
        kept = [m for _, _, m, _ in stored_messages(lake, farm=mapping.farm, source=mapping.source)]
    return _sum(name, [import_messages(settings, kept, mapping, of=b"again")], full=False)


def _everything(changes: ChangesServer) -> Page:
    """All pages from the beginning as one: until everything is here, what was known holds."""
    pages = [changes.page(None)]
    while pages[-1].messages:
        pages.append(changes.page(pages[-1].token))
        if pages[-1].messages and pages[-1].token == pages[-2].token:
            raise LabelServerProtocolError(f"{changes.where} sends changes, but the token that was asked with")
    messages = tuple(message for page in pages for message in page.messages)
    return Page(messages, pages[-1].token, full_sync=True, raw=b"".join(page.raw for page in pages))


def _land(settings: Settings, name: str, server: ServerFile, page: Page, since: str | None) -> IcarResult:
    """A page and its token, or neither."""
    mapping = server.mapping.model_copy(update={"full": page.full_sync and since is not None})

    def save(lake: duckdb.DuckDBPyConnection, import_id: str) -> None:
        if _token_in(lake, name, server.url) != since:
            raise StorageError(f"another process follows '{name}'", "Wait until it is done; nothing was changed.")
        row = {"name": name, "url": server.url, "token": page.token, "import_id": import_id}
        insert_rows(lake, "label.sync", [row | {"synced_at": datetime.now(UTC)}])

    return import_messages(settings, page.messages, mapping, of=page.raw, also=save)


def _last_token(settings: Settings, name: str, url: str) -> str | None:
    with open_lake(settings, read_only=True) as lake:
        return _token_in(lake, name, url)


def _token_in(lake: duckdb.DuckDBPyConnection, name: str, url: str) -> str | None:
    found = lake.execute(
        "SELECT token FROM label.sync WHERE name = ? AND url = ? ORDER BY synced_at DESC LIMIT 1", [name, url]
    ).fetchone()
    return None if found is None else str(found[0])


def _secret(settings: Settings, name: str) -> str:
    path = settings.secrets / "sync" / f"{name}.token"
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        raise LabelServerRefusedError(f"server '{name}' has no readable token here", f"Put it into {path}.") from error
    if not token.isprintable() or " " in token or not token:
        raise LabelServerRefusedError(f"the token of server '{name}' is not one line of visible characters")
    return token


def _sum(name: str, done: list[IcarResult], *, full: bool) -> SyncResult:
    totals = {
        field: sum(asdict(one)[field] for one in done)
        for field in ("messages", "deleted", "added", "changed", "retracted", "quarantined")
    }
    files = tuple(one.quarantine for one in done if one.quarantine is not None)
    notes = tuple(dict.fromkeys(note for one in done for note in one.notes))
    return SyncResult(name, len(done), full, **totals, quarantine=files, notes=notes)
