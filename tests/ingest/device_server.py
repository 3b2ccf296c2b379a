"""A device over real HTTP that does what the agent's API says, and on demand what a broken one might do."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from herdbook.contracts.device_day import manifest_sha256

TOKEN = "token-of-a-device-in-tests-of-ingest"


@dataclass
class Device:
    """What the server serves from ``root`` (``days/<day>/r<revision>/``), and how it misbehaves."""

    root: Path
    device_id: str = "barn-a-1"
    clock_ahead: timedelta = timedelta(0)
    cut_after: int | None = None
    """Close the connection after so many bytes of files in all, then be gone until set to none."""
    hang_ups: dict[str, int] = field(default_factory=dict)
    """How often it hangs up in the middle of an answer before it gives one, by path."""
    altered: dict[str, bytes] = field(default_factory=dict)
    """Bytes to send instead of a file's, by sha256."""
    answers: dict[str, bytes] = field(default_factory=dict)
    """What to say instead, by path."""
    headers: dict[str, str] = field(default_factory=dict)
    """Further headers of those answers."""
    stored: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    file_bytes: int = 0
    acknowledged: set[tuple[str, int]] = field(default_factory=set)
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def latest(self) -> dict[str, Path]:
        """Day to the folder of its latest revision."""
        folders = sorted(self.root.glob("days/*/r*"), key=lambda f: int(f.name[1:]))
        return {folder.parent.name: folder for folder in folders}

    def file(self, sha256: str) -> bytes | None:
        """A file's bytes by digest."""
        if sha256 in self.altered:
            return self.altered[sha256]
        if sha256 not in self.stored:
            for folder in self.root.glob("days/*/r*"):
                manifest = _manifest(folder / "manifest.json")
                for entry in manifest.get("files", []):
                    path = folder / str(entry["name"])
                    if path.parent == folder and path.exists():
                        self.stored[entry["sha256"]] = path.read_bytes()
        return self.stored.get(sha256)


def _manifest(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError:
        return {}
    return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    device: Device

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        device, parts = self.device, self.path.strip("/").split("/")
        with device.lock:
            device.requests.append(self.path)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._json({"detail": "wrong token"}, 401)
        elif device.hang_ups.get(self.path, 0) > 0:
            self._hang_up()
        elif device.cut_after is not None and device.file_bytes >= device.cut_after:
            self.close_connection = True
        elif self.path in device.answers:
            self._send(device.answers[self.path], 200, device.headers)
        elif parts == ["v1", "health"]:
            now = datetime.now(UTC) + device.clock_ahead
            health = {"device_id": device.device_id, "software_version": "0.1.0", "now": now.isoformat()}
            self._json(health | {"free_bytes": 10**9, "status": "ok"})
        elif parts == ["v1", "days"]:
            self._json([self._offer(day, folder) for day, folder in sorted(device.latest().items())])
        elif parts[:2] == ["v1", "days"] and parts[3:] == ["manifest"]:
            folder = device.latest().get(parts[2])
            if folder is None:
                self._json({"detail": "no such day"}, 404)
            else:
                raw = (folder / "manifest.json").read_bytes()
                self._send(raw, 200, {"ETag": f'"{manifest_sha256(raw)}"'})
        elif parts[:2] == ["v1", "files"] and (content := device.file(parts[2])) is not None:
            self._file(content, parts[2])
        else:
            self._json({"detail": "not found"}, 404)

    def do_POST(self) -> None:
        device, parts = self.device, self.path.strip("/").split("/")
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        device.requests.append(f"POST {self.path}")
        if device.hang_ups.get(self.path, 0) > 0:
            device.hang_ups[self.path] -= 1
            self.close_connection = True
            return
        folder = device.latest()[parts[2]]
        if body["manifest_sha256"] != manifest_sha256((folder / "manifest.json").read_bytes()):
            self._json({"detail": "not the current manifest"}, 409)
            return
        device.acknowledged.add((parts[2], body["revision"]))
        self._send(b"", 204)

    def _hang_up(self) -> None:
        self.device.hang_ups[self.path] -= 1
        self._send(b"[", 200, length=100)
        self.close_connection = True

    def _offer(self, day: str, folder: Path) -> dict[str, Any]:
        raw = (folder / "manifest.json").read_bytes()
        revision = int(folder.name[1:])
        return {
            "day": day,
            "revision": revision,
            "final": _manifest(folder / "manifest.json").get("final", True),
            "manifest_sha256": manifest_sha256(raw),
            "acknowledged": (day, revision) in self.device.acknowledged,
        }

    def _file(self, content: bytes, sha256: str) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if start >= len(content) > 0:
            self._json({"detail": "range"}, 416)
            return
        headers = {"ETag": f'"{sha256}"', "Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        rest = content[start:]
        device = self.device
        with device.lock:
            allowed = len(rest) if device.cut_after is None else max(0, device.cut_after - device.file_bytes)
            device.file_bytes += min(len(rest), allowed)
        self._send(rest[:allowed], 206 if start else 200, headers, length=len(rest))
        if allowed < len(rest):
            self.close_connection = True

    def _json(self, data: object, status: int = 200) -> None:
        self._send(json.dumps(data).encode(), status, {"Content-Type": "application/json"})

    def _send(
        self, body: bytes, status: int, headers: dict[str, str] | None = None, *, length: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no error here."""


@contextmanager
def serve(device: Device, certificate: Path | None = None, key: Path | None = None) -> Iterator[Device]:
    """Serve a device until the block ends; its address is in ``device.url``."""
    handler = type("Handler", (_Handler,), {"device": device})
    server = _Server(("127.0.0.1", 0), handler)
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    device.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield device
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
