"""A small server that speaks ICAR's data exchange, in a thread, and misbehaves as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SECRET = "correct-horse-battery-staple-0123456789"


@dataclass
class Fault:
    """What goes wrong once: a status with headers, or a connection cut after so many bytes."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    body: bytes | None = None


@dataclass
class IcarServer:
    """Its changes by page; the token of a page is its number."""

    pages: list[list[Any]] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    """By the token asked with; empty is the beginning. Each is used up once."""
    asked: list[str] = field(default_factory=list)
    reload: bool = False
    """The data was loaded anew: whoever has a token is told so."""
    url: str = ""

    def answer(self, since: str) -> Fault:
        self.asked.append(since)
        if self.faults.get(since):
            return self.faults[since].pop(0)
        place = int(since or 0)
        found = self.pages[place] if place < len(self.pages) else []
        after = place + 1 if found else place
        body = [{"id": "@context"}, *found, {"id": "@continuation", "token": str(after)}]
        headers = {"icar-full-sync": "true"} if self.reload and since else {}
        return Fault(headers=headers, body=json.dumps(body).encode())


@contextmanager
def serving(server: IcarServer) -> Iterator[IcarServer]:
    """Serve it on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.headers.get("Authorization") != f"Bearer {SECRET}":
                fault = Fault(status=401)
            else:
                fault = server.answer(parse_qs(urlsplit(self.path).query).get("since", [""])[0])
            body = fault.body if fault.body is not None else b"[" + b" " * 200 + b"]"
            self.send_response(fault.status)
            for name, value in {"Content-Length": str(len(body)), **fault.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: fault.cut_after])
            if fault.cut_after is not None:
                self.close_connection = True

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing to stderr."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_address[1]}/datasets/hill/changes"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
