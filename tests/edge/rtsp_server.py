"""A camera: an RTSP server (RFC 2326, RTP interleaved in TCP) that shows a film to each client and can be unplugged."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import av

_SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=pen\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:trackID=0\r\n"
)


class RtspCamera:
    """Serves H.264 packets of a file, in real time and over and over, to one client at a time."""

    def __init__(self, film: str) -> None:
        self._film = film
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.clients = 0
        self._plugged = threading.Event()
        self._plugged.set()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"rtsp://viewer:secret@127.0.0.1:{self.port}/pen"

    def unplug(self) -> None:
        """Cut the connection, and refuse the next ones."""
        self._plugged.clear()

    def plug(self) -> None:
        self._plugged.set()

    def close(self) -> None:
        self._closed.set()
        self._listening.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                if self._plugged.is_set():
                    self.clients += 1
                    try:
                        self._talk(connection)
                    except OSError:
                        continue

    def _talk(self, connection: socket.socket) -> None:
        while True:
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                more = connection.recv(1)
                if not more:
                    return
                request += more
            lines = request.decode().split("\r\n")
            method = lines[0].split()[0]
            sequence = next(line.split(":")[1].strip() for line in lines if line.lower().startswith("cseq"))
            head = f"RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\nSession: 1\r\n"
            if method == "DESCRIBE":
                body = f"Content-Type: application/sdp\r\nContent-Length: {len(_SDP)}\r\n\r\n{_SDP}"
                connection.sendall((head + body).encode())
            elif method == "SETUP":
                connection.sendall((head + "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n").encode())
            elif method == "OPTIONS":
                connection.sendall((head + "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n").encode())
            else:
                connection.sendall((head + "\r\n").encode())
            if method == "PLAY":
                self._play(connection)
                return

    def _play(self, connection: socket.socket) -> None:
        sequence = 0
        began = time.monotonic()
        for second, unit, last in _units(self._film):
            while time.monotonic() - began < second:
                time.sleep(0.005)
            if not self._plugged.is_set() or self._closed.is_set():
                return
            for payload in _fragments(unit):
                end = last and payload is not None and payload[1]
                header = bytes([0x80, 0x60 | (0x80 if end else 0)]) + (sequence & 0xFFFF).to_bytes(2, "big")
                header += (int(second * 90000) & 0xFFFFFFFF).to_bytes(4, "big") + b"\0\0\0\1"
                rtp = header + payload[0]
                connection.sendall(b"$\0" + len(rtp).to_bytes(2, "big") + rtp)
                sequence += 1


def _units(film: str) -> Iterator[tuple[float, bytes, bool]]:
    """Seconds, NAL unit, and whether it is the last of its picture; for ever."""
    lap = 0.0
    while True:
        with av.open(film) as container:
            stream = container.streams.video[0]
            annexb = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", stream)
            second = 0.0
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue
                second = float(packet.pts * packet.time_base)
                for whole in annexb.filter(packet):
                    units = [u for u in bytes(whole).replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if u]
                    for n, unit in enumerate(units):
                        yield lap + second, unit, n == len(units) - 1
        lap += second + 0.2


def _fragments(unit: bytes, size: int = 1200) -> Iterator[tuple[bytes, bool]]:
    """RTP payloads of a NAL unit (RFC 6184: single, or FU-A), and whether each is its last."""
    if len(unit) <= size:
        yield unit, True
        return
    indicator, kind = (unit[0] & 0xE0) | 28, unit[0] & 0x1F
    body = unit[1:]
    for at in range(0, len(body), size):
        first, last = at == 0, at + size >= len(body)
        yield bytes([indicator, kind | (0x80 if first else 0) | (0x40 if last else 0)]) + body[at : at + size], last
