"""A mail server and a webhook of one's own, which keep what they are told."""

from __future__ import annotations

import email
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Sink:
    """What came, and where it listens."""

    port: int = 0
    told: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    works: bool = True


@contextmanager
def webhook() -> Iterator[Sink]:
    """An HTTP server on this machine; out of order it answers 503."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if sink.works:
                sink.told.append(json.loads(content))
                sink.headers.append(dict(self.headers) | {"path": self.path})
            self.send_response(204 if sink.works else 503)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler), sink):
        yield sink


@contextmanager
def mailbox() -> Iterator[Sink]:
    """An SMTP server on this machine, without encryption or login."""
    sink = Sink()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            say = lambda text: self.wfile.write(f"{text}\r\n".encode())  # noqa: E731
            say("220 here")
            while line := self.rfile.readline().decode().strip():
                word = line[:4].upper()
                if word == "DATA":
                    say("354 go on")
                    lines = []
                    while (part := self.rfile.readline()) != b".\r\n":
                        lines.append(part.removeprefix(b"."))
                    sink.told.append(email.message_from_bytes(b"".join(lines)))
                say("221 bye" if word == "QUIT" else "250 ok")
                if word == "QUIT":
                    return

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler), sink):
        yield sink


def text_of(mail: Message) -> str:
    """What a mail says."""
    parts = [part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()]
    return b"".join(part for part in parts if isinstance(part, bytes)).decode()


@contextmanager
def _serving(server: socketserver.TCPServer, sink: Sink) -> Iterator[None]:
    sink.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
