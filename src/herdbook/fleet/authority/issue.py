"""Certificates of devices' agents: what the platform issues, for which names, and how long they hold.

A device keeps its key and sends a request (PKCS #10). Of the request only the key counts: which names a certificate
bears is what the inventory says of the device, so that no device can ask for another's.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.errors import AuthorityError
from herdbook.fleet.authority.root import Authority, builder, certificate_path, read_authority, usage
from herdbook.ledger.columns import utc_now
from herdbook.ledger.devices import active_devices, find_device
from herdbook.ledger.models import Device
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

DAYS = 90.0
"""Validity of a device's certificate. There is no revocation list: a stolen key is worth something until then."""
RENEW_BELOW = 1 / 3
"""Share of the validity left at which it is renewed: 30 nights to reach a device that is off."""
MAX_REQUEST_BYTES = 4096


@dataclass(frozen=True)
class Issued:
    """A device's certificate.

    ``days_left`` is negative once it expired. ``due``: whether it is time to renew it.
    """

    device_id: str
    names: tuple[str, ...]
    not_after: datetime
    days_left: float
    due: bool


def sign(settings: Settings, device_id: str, request: bytes, *, days: float = DAYS) -> bytes:
    """A certificate for a device, PEM. It counts as the device's once that is noted (`note`).

    Args:
        settings: where authority and inventory lie.
        device_id: a device in service; the host in its address becomes the certificate's name.
        request: PKCS #10, PEM or DER, signed by the device's key (ECDSA on P-256 or P-384).
        days: validity; never longer than the authority's own.

    Raises:
        NotFoundError: the device is not in service.
        AuthorityError: the request is none or its key is not one that we take, the authority is not there, or it may
            not vouch for the device's name.
    """
    device = find_device(settings, device_id)
    authority = read_authority(settings)
    key = _requested_key(request)
    name = _name_of(device)
    _require_permitted(authority, device, name)
    now = utc_now()
    until = min(now + timedelta(days=days), authority.certificate.not_valid_after_utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device_id)])
    certificate = (
        builder(subject, authority.certificate.subject, key, now, until)
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


def note(settings: Settings, device_id: str, certificate: bytes) -> Issued:
    """Enter a certificate as the device's, and let the platform believe our authority for it from now on.

    Args:
        settings: where authority and inventory lie.
        device_id: the device that has it, or gets it by hand.
        certificate: as `sign` gave it.
    """
    write_durably(make_folder(_folder(settings)) / f"{device_id}.pem", certificate, mode=0o600)
    with ledger_session(settings) as session:
        row = session.get(Device, device_id)
        assert row is not None, "devices are retired, never deleted"
        row.ca_file = str(certificate_path(settings).absolute())
    return _read(device_id, certificate)


def issued(settings: Settings) -> list[Issued]:
    """The newest certificate of every device in service that has one of ours, by device."""
    paths = {device.device_id: _folder(settings) / f"{device.device_id}.pem" for device in active_devices(settings)}
    return [_read(device_id, path.read_bytes()) for device_id, path in paths.items() if path.is_file()]


def _read(device_id: str, pem: bytes) -> Issued:
    certificate, now = x509.load_pem_x509_certificate(pem), utc_now()
    since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    shown = tuple(str(name.value) for name in names)
    return Issued(
        device_id, shown, until, (until - now) / timedelta(days=1), until - now < (until - since) * RENEW_BELOW
    )


def _folder(settings: Settings) -> Path:
    return settings.authority / "issued"


def _requested_key(request: bytes) -> ec.EllipticCurvePublicKey:
    advice = "`herdbook edge certificate request` on the device makes one."
    if len(request) > MAX_REQUEST_BYTES:
        raise AuthorityError(f"a request has at most {MAX_REQUEST_BYTES} bytes", advice)
    pem = request.lstrip().startswith(b"-----")
    try:
        asked = x509.load_pem_x509_csr(request) if pem else x509.load_der_x509_csr(request)
        sound, key = asked.is_signature_valid, asked.public_key()
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise AuthorityError("that is not a request for a certificate", advice) from error
    if not sound:
        raise AuthorityError("the request is not signed by its own key", advice)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, (ec.SECP256R1, ec.SECP384R1)):
        raise AuthorityError("the request's key is not an ECDSA key on P-256 or P-384", advice)
    return key


def _name_of(device: Device) -> x509.DNSName | x509.IPAddress:
    host = urlsplit(device.url).hostname or ""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host.encode("idna").decode("ascii"))


def _require_permitted(authority: Authority, device: Device, name: x509.DNSName | x509.IPAddress) -> None:
    """Refuse a name that every client would refuse: better now than at night."""
    try:
        limits = authority.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return
    permitted = limits.permitted_subtrees or []
    if isinstance(name, x509.DNSName):
        trees = [tree.value for tree in permitted if isinstance(tree, x509.DNSName)]
        fits = any(name.value == tree or name.value.endswith(f".{tree}") for tree in trees)
    else:
        trees_of_ip = [tree.value for tree in permitted if isinstance(tree, x509.IPAddress)]
        fits = any(_within(name.value, tree) for tree in trees_of_ip)
    if not fits:
        shown = ", ".join(str(tree.value) for tree in permitted)
        raise AuthorityError(
            f"the authority vouches for {shown}, and '{device.device_id}' is at {name.value}",
            "Enrol the device with an address among those, or begin the authority anew with `init --replace`.",
        )


def _within(address: object, network: object) -> bool:
    plain = isinstance(address, ipaddress.IPv4Address | ipaddress.IPv6Address)
    return plain and isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network) and address in network
