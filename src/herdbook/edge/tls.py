"""The agent's side of TLS: a renewed certificate is taken up by the next connection, without a restart."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


def identity_path(root: Path) -> Path:
    """PEM file of the device's own key and certificate, mode 600, in the device's folder."""
    return root / "tls" / "server.pem"


def server_context(certfile: Path, keyfile: Path | None) -> ssl.SSLContext:
    """TLS 1.3 with a certificate, which is read anew whenever its files changed.

    Args:
        certfile: PEM, the certificate with its chain, and its key where there is no file of its own for that.
        keyfile: PEM of the key.

    Raises:
        OSError: a file cannot be read, or does not hold what it should (`ssl.SSLError`).
    """
    first = _load(certfile, keyfile)
    newest = _Newest(certfile, keyfile, first, _signs(certfile, keyfile))

    def greet(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = newest.context()

    first.sni_callback = greet  # called for every handshake, with a server name or without one
    return first


@dataclass
class _Newest:
    """The context of the files as they are now. What cannot be read leaves the former one in force."""

    certfile: Path
    keyfile: Path | None
    held: ssl.SSLContext
    signs: tuple[tuple[int, int, int], ...]

    def context(self) -> ssl.SSLContext:
        try:
            signs = _signs(self.certfile, self.keyfile)
            if signs != self.signs:
                self.held, self.signs = _load(self.certfile, self.keyfile), signs
        except OSError:  # half copied by hand: looked at again with the next connection
            pass
        return self.held


def _signs(certfile: Path, keyfile: Path | None) -> tuple[tuple[int, int, int], ...]:
    """By what a change of the files is known."""
    found = [path.stat() for path in (certfile, keyfile) if path is not None]
    return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in found)


def _load(certfile: Path, keyfile: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3  # both ends are ours
    context.load_cert_chain(certfile, keyfile, password=lambda: "")  # an encrypted key is refused, not asked about
    return context
