"""Signing keys (Ed25519) in files that only their owner reads, each named by its role and key id.

A new key thus never overwrites the one in force: whichever the metadata names is the one that signs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.errors import ConfigurationError
from herdbook.settings import Settings

SHORT = 12
"""Characters of a key id in file names and messages."""
SHORTEST_PASSPHRASE = 12


@dataclass(frozen=True)
class OfflineKeys:
    """Where offline keys lie: one folder or several (a stick each), and what they are encrypted with."""

    folders: tuple[Path, ...]
    passphrase: bytes

    def __repr__(self) -> str:
        """Without the passphrase."""
        return f"OfflineKeys({', '.join(map(str, self.folders))})"

    def make(self, role: str, number: int = 1) -> list[CryptoSigner]:
        """New keys, encrypted, one folder after the other in turn.

        Raises:
            ConfigurationError: the passphrase is too short, or a folder is not there.
        """
        if len(self.passphrase) < SHORTEST_PASSPHRASE:
            raise ConfigurationError(f"a passphrase has at least {SHORTEST_PASSPHRASE} characters")
        for folder in self.folders:
            if not folder.is_dir():
                raise ConfigurationError(f"the folder for offline keys {folder} is not there", "Is the stick mounted?")
        made = []
        for n in range(number):
            private = Ed25519PrivateKey.generate()
            signer = CryptoSigner(private)
            path = self.folders[n % len(self.folders)] / _name(role, signer.public_key.keyid)
            _write(path, private, BestAvailableEncryption(self.passphrase))
            made.append(signer)
        return made

    def find(self, role: str, keyids: Collection[str]) -> list[CryptoSigner]:
        """Those of a role's keys that lie here.

        Raises:
            ConfigurationError: one cannot be opened: the passphrase is wrong, or the file is no key.
        """
        paths = [folder / _name(role, keyid) for keyid in keyids for folder in self.folders]
        return [_read(path, self.passphrase) for path in paths if path.is_file()]


def make_online(settings: Settings, role: str) -> CryptoSigner:
    """A new online key of a role, in a file of mode 600."""
    folder = settings.online_keys
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = Ed25519PrivateKey.generate()
    signer = CryptoSigner(private)
    _write(folder / _name(role, signer.public_key.keyid), private, NoEncryption())
    return signer


def online_path(settings: Settings, role: str, keyid: str) -> Path:
    """Where an online key lies."""
    return settings.online_keys / _name(role, keyid)


def find_online(settings: Settings, role: str, keyids: Sequence[str]) -> list[CryptoSigner]:
    """Those of a role's keys that lie on this machine.

    Raises:
        ConfigurationError: one can be read by others, or cannot be read.
    """
    found = []
    for path in (online_path(settings, role, keyid) for keyid in keyids):
        if path.is_file():
            if path.stat().st_mode & 0o077:
                raise ConfigurationError(f"the signing key {path} can be read by others", f"Run: chmod 600 {path}")
            found.append(_read(path, None))
    return found


def forget_online(settings: Settings, role: str, keep: Collection[str]) -> None:
    """Remove a role's keys that are no longer in force."""
    kept = {_name(role, keyid) for keyid in keep}
    for path in settings.online_keys.glob(f"{role}-*.pem"):
        if path.name not in kept:
            path.unlink()


def _name(role: str, keyid: str) -> str:
    return f"{role}-{keyid[:SHORT]}.pem"


def _write(path: Path, private: Ed25519PrivateKey, encryption: KeySerializationEncryption) -> None:
    make_folder(path.parent)
    write_durably(path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption), mode=0o600)


def _read(path: Path, passphrase: bytes | None) -> CryptoSigner:
    try:
        private = load_pem_private_key(path.read_bytes(), passphrase)
    except (OSError, ValueError, TypeError) as error:
        why = "the passphrase is wrong, or it is no key" if passphrase else "it is no key"
        raise ConfigurationError(f"the signing key {path} cannot be opened: {why}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigurationError(f"the signing key {path} is not an Ed25519 key")
    return CryptoSigner(private)
