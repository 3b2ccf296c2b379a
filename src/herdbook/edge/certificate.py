"""The device's TLS identity: a key that never leaves it, and the certificate that the farm's authority issued for it.

Both stand in one file, which is replaced whole: a power cut leaves the old pair or the new one, never halves. A new
key is made for every request, and is put into force with the certificate that comes back for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.edge.tls import identity_path
from herdbook.errors import ConfigurationError


@dataclass(frozen=True)
class Identity:
    """What a device's agent proves itself with."""

    subject: str
    issuer: str
    not_after: datetime
    """UTC."""


def request_certificate(root: Path, device_id: str) -> bytes:
    """A request for a certificate (PKCS #10, PEM) by the device's next key, which is made if there is none yet.

    Raises:
        ConfigurationError: the next key's file is not a key, or others can read it.
    """
    path = _next_key(root)
    if not path.exists():
        folder = make_folder(path.parent)
        folder.chmod(0o700)
        fresh = ec.generate_private_key(ec.SECP256R1())
        write_durably(path, fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)
    key = _read_key(path)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device_id)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM)


def take_certificate(root: Path, pem: bytes) -> Identity:
    """Put a certificate, and the key that it was requested for, into force. One that is in force already is fine.

    Raises:
        ConfigurationError: it is no certificate, or not for this device's next key.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        asked_by = certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError("that is not a certificate in PEM") from error
    present = read_identity(root)
    if present is not None and _certificate(root) == certificate:
        return present
    path = _next_key(root)
    key = _read_key(path) if path.exists() else None
    if key is None or key.public_key() != asked_by:
        raise ConfigurationError(
            "the certificate is not for this device's newest request",
            "Make one anew with `herdbook edge certificate request`, and have that one signed.",
        )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_durably(identity_path(root), private + certificate.public_bytes(Encoding.PEM), mode=0o600)
    path.unlink(missing_ok=True)
    return _identity(certificate)


def read_identity(root: Path) -> Identity | None:
    """What is in force; none where the agent has no certificate of an authority of ours.

    Raises:
        ConfigurationError: the file is not what it should be.
    """
    certificate = _certificate(root)
    return None if certificate is None else _identity(certificate)


def _next_key(root: Path) -> Path:
    return identity_path(root).with_name("next.key")


def _certificate(root: Path) -> x509.Certificate | None:
    path = identity_path(root)
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{path} holds no certificate: {error}", "Remove it, and request a certificate anew."
        ) from error


def _identity(certificate: x509.Certificate) -> Identity:
    return Identity(
        certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string(), certificate.not_valid_after_utc
    )


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"the key {path} can be read by others", f"Run: chmod 600 {path}")
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{path} is not a key: {error}", "Remove it, and request a certificate anew.") from (
            error
        )
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigurationError(f"{path} is not an ECDSA key", "Remove it, and request a certificate anew.")
    return key
