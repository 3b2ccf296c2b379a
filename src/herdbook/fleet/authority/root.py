"""The authority itself: an ECDSA key that only its owner reads, and a certificate that binds what it may vouch for.

Name constraints (RFC 5280, 4.2.1.10) keep a stolen key from vouching for anything but the farm's devices, wherever the
certificate was installed: names and networks that were not given at its birth are refused by every client.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from herdbook.contracts.durable import write_durably
from herdbook.errors import AuthorityError, ConfigurationError
from herdbook.ledger.columns import utc_now
from herdbook.settings import Settings

YEARS = 10
"""Validity of the authority. Nobody but this platform believes it, and it is begun anew with `init --replace`."""
AHEAD = timedelta(hours=1)
"""How far back a validity begins: clocks of one farm differ."""
_EVERYWHERE = (x509.IPAddress(ipaddress.ip_network("0.0.0.0/0")), x509.IPAddress(ipaddress.ip_network("::/0")))


@dataclass(frozen=True)
class Authority:
    """An authority that can sign."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def __repr__(self) -> str:
        """Without the key."""
        return f"Authority({self.certificate.subject.rfc4514_string()})"


def certificate_path(settings: Settings) -> Path:
    """PEM file of the authority's certificate: what ``--ca-file`` of a device names."""
    return settings.authority / "ca.pem"


def key_path(settings: Settings) -> Path:
    """PEM file of its key."""
    return settings.authority / "ca.key"


def make_authority(
    settings: Settings, name: str, *, dns: Sequence[str] = (), networks: Sequence[str] = (), replace: bool = False
) -> Authority:
    """Begin an authority.

    Args:
        settings: where its files lie.
        name: stands in its certificate, for people.
        dns: names that it may vouch for, each with all below it: ``hill-farm.example``.
        networks: addresses that it may vouch for: ``10.20.0.0/16``.
        replace: begin anew although there is one; its certificates are worth nothing then.

    Raises:
        ConfigurationError: names and networks are lacking, or are none.
        AuthorityError: there is one already.
    """
    constraints = _constraints(dns, networks)
    if key_path(settings).exists() and not replace:
        raise AuthorityError(
            f"there is an authority already: {certificate_path(settings)}",
            "--replace begins anew; every device then needs a new certificate.",
        )
    try:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    except ValueError as error:
        raise ConfigurationError(f"'{name}' is not a name for an authority: {error}", "Use 1 to 64 characters.") from (
            error
        )
    key, now = ec.generate_private_key(ec.SECP256R1()), utc_now()
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        builder(subject, subject, key.public_key(), now, now + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(signs_certificates=True), critical=True)
        .add_extension(constraints, critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    for folder in (settings.secrets, settings.authority):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_durably(key_path(settings), pem, mode=0o600)
    write_durably(certificate_path(settings), certificate.public_bytes(Encoding.PEM), mode=0o600)
    return Authority(certificate, key)


def read_authority(settings: Settings) -> Authority:
    """The authority of this platform.

    Raises:
        AuthorityError: there is none, its files do not belong together, or it has expired.
        ConfigurationError: its key can be read by others.
    """
    path = key_path(settings)
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"the authority's key {path} can be read by others", f"Run: chmod 600 {path}")
        key = load_pem_private_key(path.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate(certificate_path(settings).read_bytes())
    except FileNotFoundError as error:
        raise AuthorityError(
            "this platform has no certificate authority", "`herdbook fleet ca init --dns NAME` begins one."
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise AuthorityError(f"the authority in {settings.authority} cannot be read: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise AuthorityError(f"key and certificate in {settings.authority} do not belong together")
    if certificate.not_valid_after_utc <= utc_now():
        raise AuthorityError(
            f"the authority expired on {certificate.not_valid_after_utc:%Y-%m-%d}",
            "`herdbook fleet ca init --replace` begins anew; every device then needs a new certificate.",
        )
    return Authority(certificate, key)


def builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, since: datetime, until: datetime
) -> x509.CertificateBuilder:
    """What every certificate of ours begins with."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(since - AHEAD)
        .not_valid_after(until)
    )


def usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """What a key may be used for: to sign certificates, or to shake hands, never both."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _constraints(dns: Sequence[str], networks: Sequence[str]) -> x509.NameConstraints:
    if not dns and not networks:
        raise ConfigurationError(
            "an authority vouches for something", "Give --dns NAME for devices' names, --ip NETWORK for addresses."
        )
    try:
        names = [x509.DNSName(name.encode("idna").decode("ascii")) for name in dns if name] if all(dns) else []
        places = [x509.IPAddress(ipaddress.ip_network(network)) for network in networks]
    except ValueError as error:
        raise ConfigurationError(
            f"not a name or network: {error}", "Like --dns hill-farm.example --ip 10.20.0.0/16."
        ) from (error)
    if dns and not names:
        raise ConfigurationError("an empty name would be every name", "Like --dns hill-farm.example.")
    # A form of name without a word about it would be free: what is not permitted is excluded.
    excluded: list[x509.GeneralName] = [] if names else [x509.DNSName("")]
    versions = {place.value.version for place in places}
    excluded += [each for each in _EVERYWHERE if each.value.version not in versions]
    return x509.NameConstraints([*names, *places], excluded or None)
