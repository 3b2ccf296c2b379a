from __future__ import annotations

import signal
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from edge_cases import MakeDevice

from herdbook.edge.config import write_device_config
from herdbook.edge.serve import serve
from herdbook.edge.tokens import new_token_file, read_token
from herdbook.errors import ConfigurationError

Start = Callable[..., tuple[str, dict[str, str]]]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certfile, keyfile = tmp_path / "cert.pem", tmp_path / "key.pem"
    certfile.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    keyfile.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certfile, keyfile


@pytest.fixture
def root(make_device: MakeDevice, tmp_path: Path) -> Path:
    root = tmp_path / "device"
    root.mkdir()
    write_device_config(root / "device.yaml", make_device("rtsp://127.0.0.1:1/pen"))
    new_token_file(root / "token")
    return root


@pytest.fixture
def start(root: Path) -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def started(*options: str) -> tuple[str, dict[str, str]]:
        command = [sys.executable, "-m", "herdbook", "edge", "serve", "--root", str(root), "--port", "0", *options]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stderr is not None
        line = process.stderr.readline()
        assert " serves on " in line, line + process.stderr.read()
        return line.split()[-1], {"Authorization": f"Bearer {read_token(root / 'token')}"}

    yield started
    for process in running:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
        assert process.stderr is not None
        process.stderr.close()


def test_the_agent_serves_until_it_is_stopped(start: Start) -> None:
    url, key = start()
    assert httpx.get(f"{url}/v1/health", headers=key).json()["device_id"] == "barn-1"
    assert httpx.get(f"{url}/v1/health").status_code == 401


def test_with_a_certificate_it_speaks_tls_and_nothing_else(start: Start, certificate: tuple[Path, Path]) -> None:
    certfile, keyfile = certificate
    url, key = start("--certfile", str(certfile), "--keyfile", str(keyfile))
    port = url.rsplit(":", 1)[1]
    assert url.startswith("https://")
    trust = ssl.create_default_context(cafile=str(certfile))
    assert httpx.get(f"https://localhost:{port}/v1/health", headers=key, verify=trust).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"https://localhost:{port}/v1/health", headers=key)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://localhost:{port}/v1/health", headers=key)


def test_a_token_file_is_its_owners_alone_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "token"
    new_token_file(path)
    token = read_token(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(token) >= 43
    new_token_file(path)
    assert read_token(path) == token


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        ("x" * 40, 0o644, "read by others"),
        ("x" * 40, 0o660, "read by others"),
        ("short", 0o600, "32 to 512"),
        ("two words " * 5, 0o600, "32 to 512"),
        (None, 0, "cannot be read"),
    ],
)
def test_an_unsafe_token_is_refused(tmp_path: Path, content: str | None, mode: int, said: str) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    with pytest.raises(ConfigurationError, match=said):
        read_token(path)


def test_what_cannot_be_served_is_said_before_anything_listens(
    root: Path, make_device: MakeDevice, tmp_path: Path
) -> None:
    config, token = make_device("rtsp://127.0.0.1:1/pen"), root / "token"
    (tmp_path / "cert.pem").write_text("no certificate")
    with pytest.raises(ConfigurationError, match="both a certificate and its key"):
        serve(root, config, token, host="127.0.0.1", port=0, certfile=tmp_path / "cert.pem")
    with pytest.raises(ConfigurationError, match="cannot listen"):
        serve(
            root, config, token, host="127.0.0.1", port=0, certfile=tmp_path / "cert.pem", keyfile=tmp_path / "cert.pem"
        )
    with pytest.raises(ConfigurationError, match="is not there"):
        serve(root, config, token, host="127.0.0.1", port=0, certfile=tmp_path / "a", keyfile=tmp_path / "b")
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigurationError, match="cannot listen"):
        serve(root, config, token, host="127.0.0.1", port=taken.getsockname()[1])
