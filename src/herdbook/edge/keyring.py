"""Which tokens open the agent: the one in its file and, while it is being replaced, the next one beside it.

The former token dies a while after the next one was first presented, never before: a platform that lost its way in the
middle of a rotation is not shut out, and a night that began with the former token ends with it.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from herdbook.contracts.durable import write_durably
from herdbook.contracts.farmtime import Instant
from herdbook.contracts.token import is_token
from herdbook.edge.tokens import read_token
from herdbook.errors import ConfigurationError, DiskFullError


class _Next(BaseModel):
    """The token that is to replace the one in force, as its file holds it."""

    model_config = ConfigDict(frozen=True)

    token: str
    overlap_s: float
    """How long the former one lives on, once this one was presented."""
    used_at: Instant | None = None

    def __repr__(self) -> str:
        """Without the token."""
        return f"_Next(used_at={self.used_at})"


class Keyring:
    """The tokens of one agent. Safe to use from several threads.

    Args:
        token: the one in force.
        path: its file; a rotation's state is ``<file>.next``. In memory alone where none.
        now: the device's clock.

    Raises:
        ConfigurationError: a rotation's file is not what it should be.
    """

    def __init__(self, token: str, path: Path | None = None, now: Callable[[], datetime] | None = None) -> None:
        self._token, self._path, self._now = token, path, now or (lambda: datetime.now(UTC))
        self._lock = threading.Lock()
        self._next = _read(self._beside) if self._beside is not None else None

    @classmethod
    def of(cls, path: Path, now: Callable[[], datetime] | None = None) -> Keyring:
        """The tokens in a file and beside it.

        Raises:
            ConfigurationError: as `herdbook.edge.tokens.read_token`.
        """
        return cls(read_token(path), path, now)

    def admits(self, presented: bytes) -> bool:
        """Whether a token opens the agent now. Compared in constant time, with each that does."""
        with self._lock:
            self._let_die()
            former = secrets.compare_digest(presented, self._token.encode())
            if self._next is None:
                return former
            newer = secrets.compare_digest(presented, self._next.token.encode())
            if newer and self._next.used_at is None:
                self._keep(self._next.model_copy(update={"used_at": self._now()}))
            return former or newer

    def replace(self, presented: bytes, token: str, overlap_s: float) -> bool:
        """Let a token replace the one in force.

        Args:
            presented: what the caller opened the agent with.
            token: the next one. One that is next or in force already stays what it is.
            overlap_s: seconds that the former one lives on once this one was presented.

        Returns:
            False where the caller's token is itself being replaced, and the next one is in use already.

        Raises:
            DiskFullError, OSError: it cannot be written; nothing changed.
        """
        with self._lock:
            if token in (self._token, self._next.token if self._next else None):
                return True
            if self._next is not None and self._next.used_at is not None:
                if not secrets.compare_digest(presented, self._next.token.encode()):
                    return False
                self._promote(self._next.token)
            self._keep(_Next(token=token, overlap_s=overlap_s), must=True)
            return True

    @property
    def _beside(self) -> Path | None:
        return None if self._path is None else self._path.with_name(f"{self._path.name}.next")

    def _let_die(self) -> None:
        following = self._next
        if following is not None and following.used_at is not None:
            lived = self._now() - following.used_at
            if lived >= timedelta(seconds=following.overlap_s):
                self._promote(following.token)

    def _promote(self, token: str) -> None:
        """The next token becomes the one in force. Where it cannot be written, files say so again after a restart."""
        self._token, self._next = token, None
        if self._path is not None and self._beside is not None:
            try:
                write_durably(self._path, f"{token}\n".encode(), mode=0o600)
                self._beside.unlink(missing_ok=True)
            except (OSError, DiskFullError):
                return

    def _keep(self, following: _Next, *, must: bool = False) -> None:
        if self._beside is not None:
            try:
                write_durably(self._beside, following.model_dump_json().encode(), mode=0o600)
            except (OSError, DiskFullError):
                if must:
                    raise
        self._next = following


def _read(path: Path) -> _Next | None:
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"the token file {path} can be read by others", f"Run: chmod 600 {path}")
        found = _Next.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise ConfigurationError(
            f"{path} cannot be read", "Remove it: the token in force stays, and rotate again."
        ) from (error)
    return found if is_token(found.token) else None
