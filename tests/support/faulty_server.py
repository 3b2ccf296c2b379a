"""A static web server with ranges that logs what is asked for, and misbehaves as ``faults.json`` beside it says.

Run as a process: ``python faulty_server.py FOLDER``. It serves ``FOLDER/served`` and prints its port. Faults by file
name (the part behind the digest): ``cut_after`` and ``stall_after`` bytes of an answer, ``ignore_range``,
``wrong_range``.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

PLACE = Path(sys.argv[-1])
FOREVER = threading.Event()


class Handler(BaseHTTPRequestHandler):
    """GET only."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = PLACE / "served" / unquote(self.path).lstrip("/")
        asked = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        with (PLACE / "requests.log").open("a") as log:
            log.write(json.dumps({"path": self.path, "offset": asked}) + "\n")
        try:
            content = path.read_bytes()
            fault = json.loads((PLACE / "faults.json").read_text()).get(path.name.partition(".")[2], {})
        except (OSError, ValueError):
            self.answer(404, b"", {})
            return
        offset = 0 if fault.get("ignore_range") else asked
        if offset and offset >= len(content):
            self.answer(416, b"", {})
            return
        headers = {}
        if offset:
            begin = 0 if fault.get("wrong_range") else offset
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        self.answer(206 if offset else 200, content[offset:], headers, fault)

    def answer(self, status: int, body: bytes, headers: dict[str, str], fault: dict[str, int] | None = None) -> None:
        fault = fault or {}
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        stop = fault.get("cut_after", fault.get("stall_after", len(body)))
        self.wfile.write(body[:stop])
        self.wfile.flush()
        if "stall_after" in fault:
            FOREVER.wait(60)
        if stop < len(body):
            self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing to stderr."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
