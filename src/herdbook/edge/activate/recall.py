"""Certificates that were written earlier."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import ValidationError

from herdbook.contracts.activation import EngineCertificate
from herdbook.contracts.release import RELEASE_NAME
from herdbook.edge.activate.place import Place


def read_certificate(place: Place, folder: Path) -> EngineCertificate | None:
    """The newest certificate of the release in a folder; none where it never came to a proof."""
    try:
        digest = hashlib.sha256((folder / RELEASE_NAME).read_bytes()).hexdigest()
        found = sorted(place.certificates.glob(f"*-{digest[:12]}.json"))
        return EngineCertificate.model_validate_json(found[0].read_bytes()) if found else None
    except (OSError, ValidationError):
        return None
