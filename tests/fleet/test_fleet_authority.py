"""TLS to devices: the farm's own authority, a real agent that serves with its certificate, and nights that check it."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from herdbook.edge.certificate import read_identity, request_certificate, take_certificate
from herdbook.edge.tls import identity_path
from herdbook.errors import (
    AuthorityError,
    ConfigurationError,
    DeviceAuthenticationError,
    NotFoundError,
    PlainHttpRefusedError,
)
from herdbook.fleet.authority.issue import issued, note, sign
from herdbook.fleet.authority.renew import renew
from herdbook.fleet.authority.root import certificate_path, key_path, make_authority, read_authority
from herdbook.fleet.inventory import enrol
from herdbook.fleet.machines import ask_hardware
from herdbook.ingest.night import ingest_device
from herdbook.ledger.columns import utc_now
from herdbook.ledger.devices import find_device
from herdbook.ledger.migrate import upgrade
from herdbook.processes.background import Background
from herdbook.settings import Settings
from support.agents import make_device

DAY = date(2026, 3, 2)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home")
    upgrade(settings)
    return settings


@pytest.fixture
def device(settings: Settings, tmp_path: Path) -> Path:
    """A device's folder with a day to serve; it is enrolled, and nothing listens yet."""
    root = make_device(tmp_path / "barn-1", "barn-1", [DAY])
    at(settings, root, "https://127.0.0.1:9")
    return root


def at(settings: Settings, root: Path, url: str) -> None:
    token = (root / "token").read_text()
    enrol(settings, root.name, farm_id="demo-farm", url=url, timezone="Europe/London", token=token)


def certify(settings: Settings, root: Path, *, days: float = 90) -> None:
    """What two people do by hand: request there, sign here, take up there."""
    certificate = sign(settings, root.name, request_certificate(root, root.name), days=days)
    take_certificate(root, certificate)
    note(settings, root.name, certificate)


@contextmanager
def agent(settings: Settings, root: Path, *options: str) -> Iterator[str]:
    command = [sys.executable, "-m", "herdbook", "edge", "serve", "--root", str(root), "--port", "0", *options]
    with Background(f"agent of {root.name}", command, root / "agent.log", os.environ) as process:
        url = process.wait_for(r"https?://\S+")
        at(settings, root, url)
        yield url


def test_a_night_over_tls_and_every_certificate_that_is_refused(settings: Settings, device: Path) -> None:
    make_authority(settings, "the farm's", dns=["localhost"], networks=["127.0.0.0/8"])
    certify(settings, device)
    with agent(settings, device) as url:
        assert url.startswith("https://")
        (result,) = ingest_device(settings, "barn-1", DAY)
        assert result.state.value == "landed"

        ours = certificate_path(settings).read_bytes()
        make_authority(settings, "somebody else's", networks=["127.0.0.0/8"], replace=True)
        refused(settings, "not trusted", "--ca-file")
        certify(settings, device)
        assert ask_hardware(settings, "barn-1").sku == "cpu", "a new authority, and the agent was not started again"
        assert certificate_path(settings).read_bytes() != ours

        certify(settings, device, days=-0.01)
        refused(settings, "expired", "ca renew")

        make_authority(settings, "the farm's", dns=["localhost"], networks=["127.0.0.0/8"], replace=True)
        at(settings, device, url.replace("127.0.0.1", "localhost"))
        certify(settings, device)
        assert ask_hardware(settings, "barn-1").sku == "cpu"
        at(settings, device, url)
        refused(settings, "IP address mismatch", "ca issue")


def refused(settings: Settings, said: str, remedy: str) -> None:
    """Both of the platform's clients refuse the device, and say why."""
    for ask in (lambda: ask_hardware(settings, "barn-1"), lambda: ingest_device(settings, "barn-1", DAY)):
        with pytest.raises(DeviceAuthenticationError, match=said) as caught:
            ask()
        assert remedy in caught.value.remedy


def test_a_stolen_authority_vouches_for_the_farms_names_only(settings: Settings, device: Path) -> None:
    authority = make_authority(settings, "the farm's", dns=["hill-farm.example"])
    with pytest.raises(AuthorityError, match=r"vouches for hill-farm\.example, and 'barn-1' is at 127\.0\.0\.1"):
        certify(settings, device)
    # The thief does not ask us. OpenSSL is what every client of the farm refuses with.
    for host, fits in (("barn.hill-farm.example", True), ("bank.example", False), ("127.0.0.1", False)):
        folder = device / "tls"
        request = x509.load_pem_x509_csr(request_certificate(device, "barn-1"))
        name = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(authority.certificate.subject)
            .public_key(request.public_key())
            .serial_number(2)
            .not_valid_before(utc_now() - timedelta(hours=1))
            .not_valid_after(utc_now() + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([name]), critical=True)
            .sign(authority.key, hashes.SHA256())
        )
        (folder / "stolen.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        check = ["openssl", "verify", "-CAfile", str(certificate_path(settings)), str(folder / "stolen.pem")]
        done = subprocess.run(check, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is fits, done.stderr
        assert fits or "subtree violation" in done.stderr


def test_keys_are_their_owners_alone(settings: Settings, device: Path) -> None:
    make_authority(settings, "the farm's", networks=["127.0.0.0/8"])
    certify(settings, device)
    for path in (key_path(settings), identity_path(device), *settings.authority.rglob("*.pem")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list(device.rglob("*.key")), "the request's key is in force, and nowhere else"
    key_path(settings).chmod(0o640)
    with pytest.raises(ConfigurationError, match="read by others"):
        read_authority(settings)


def test_a_device_gets_the_name_of_its_address_whatever_it_asks_for(settings: Settings, device: Path) -> None:
    make_authority(settings, "the farm's", networks=["127.0.0.0/8"])
    key = ec.generate_private_key(ec.SECP256R1())
    another = x509.SubjectAlternativeName([x509.DNSName("barn-2"), x509.DNSName("*")])
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(another, critical=True)
    asked = request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    made = x509.load_pem_x509_certificate(sign(settings, "barn-1", asked))
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["127.0.0.1"]
    constraints = made.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not constraints.ca
    with pytest.raises(NotFoundError):
        sign(settings, "barn-2", asked)


def weak_request() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("request_of", [bytes, lambda: b"-----BEGIN", lambda: b"x" * 5000, weak_request])
def test_what_is_no_request_is_refused(settings: Settings, device: Path, request_of: Callable[[], bytes]) -> None:
    make_authority(settings, "the farm's", networks=["127.0.0.0/8"])
    with pytest.raises(AuthorityError):
        sign(settings, "barn-1", request_of())
    assert issued(settings) == []


@pytest.mark.parametrize(
    ("names", "networks"), [([], []), ([""], []), (["a..b"], []), ([], ["10.0.0.0/33"]), ([], ["10.0.0.1/8"])]
)
def test_an_authority_for_nothing_or_everything_is_refused(
    settings: Settings, names: list[str], networks: list[str]
) -> None:
    with pytest.raises(ConfigurationError):
        make_authority(settings, "the farm's", dns=names, networks=networks)
    with pytest.raises(AuthorityError, match="no certificate authority"):
        read_authority(settings)


def test_there_is_one_authority_unless_somebody_begins_anew(settings: Settings) -> None:
    first = make_authority(settings, "the farm's", dns=["farm.example"])
    with pytest.raises(AuthorityError, match="already"):
        make_authority(settings, "the farm's", dns=["farm.example"])
    assert read_authority(settings).certificate == first.certificate


@pytest.mark.slow
def test_a_certificate_is_renewed_over_the_wire_while_nobody_is_disturbed(settings: Settings, device: Path) -> None:
    make_authority(settings, "the farm's", networks=["127.0.0.0/8"])
    certify(settings, device, days=20)
    assert renew(settings) == [], "not due: two thirds of its life are left"
    certify(settings, device, days=0.01)
    with agent(settings, device):
        old = read_identity(device)
        (told,) = renew(settings)
        assert told.error is None
        new = read_identity(device)
        assert old is not None
        assert new is not None
        assert new.not_after > old.not_after
        assert [(each.not_after, each.due) for each in issued(settings)] == [(new.not_after, False)]
        assert ask_hardware(settings, "barn-1").sku == "cpu"
    (told,) = renew(settings, ["barn-1"])
    assert told.error is not None
    assert "does not answer" in told.error.message
    assert issued(settings)[0].days_left > 80, "what the device did not take up is not entered"


def test_addresses_without_tls(settings: Settings, device: Path) -> None:
    for url in ("http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9"):
        at(settings, device, url)
    with pytest.raises(PlainHttpRefusedError, match="without TLS"):
        at(settings, device, "http://barn-1.example:8750")
    allowed = settings.model_copy(update={"plain_http_hosts": "barn-2, Barn-1.example"})
    at(allowed, device, "http://barn-1.example:8750")
    with pytest.raises(PlainHttpRefusedError):  # taken back later: the token is not sent
        ask_hardware(settings, "barn-1")
    with pytest.raises(PlainHttpRefusedError):
        ingest_device(settings, "barn-1", DAY)
    assert find_device(settings, "barn-1").url == "http://barn-1.example:8750"


def test_an_agent_that_others_could_reach_wants_a_certificate(device: Path) -> None:
    command = [sys.executable, "-m", "herdbook", "edge", "serve", "--root", str(device), "--port", "0"]
    done = subprocess.run([*command, "--host", "0.0.0.0"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 118
    assert re.search(r"0\.0\.0\.0 without TLS", done.stderr)
