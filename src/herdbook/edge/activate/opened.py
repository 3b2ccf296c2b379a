"""An installed release's folder, opened: every file that counts has the digest that ``release.json`` says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from herdbook.contracts.digest import sha256_of
from herdbook.contracts.hardware import Hardware
from herdbook.contracts.release import RELEASE_NAME, Fixture, Network, Precision, Recipe, Release
from herdbook.contracts.validation import first_problem
from herdbook.errors import ActivationError, ReleaseUnusableError


@dataclass(frozen=True)
class Opened:
    """A release on this device."""

    folder: Path
    release: Release
    sha256: str
    """Of ``release.json``."""
    recipe: Recipe

    @property
    def networks(self) -> tuple[Network, ...]:
        """One per role."""
        return self.release.networks_for(self.recipe)

    @property
    def graphs(self) -> dict[str, Path]:
        """Each role's graph; where the device has TensorRT, what its plan is built from."""
        return {network.role: self.folder / network.file for network in self.networks}

    def fixtures_of(self, network: Network) -> tuple[Fixture, ...]:
        """Those that prove a network here: of the precision it will have, else of its own, else of any."""
        mine = [fixture for fixture in self.release.fixtures if fixture.role == network.role]
        for precision in (self.precision_of(network), network.precision):
            fitting = tuple(fixture for fixture in mine if fixture.precision is precision)
            if fitting:
                return fitting
        return tuple(mine)

    def precision_of(self, network: Network) -> Precision:
        """In what a network will calculate: half precision is made from a float32 graph, all else is in the graph."""
        halved = self.recipe.precision is Precision.FP16 and network.precision is Precision.FP32
        return Precision.FP16 if halved else network.precision


def open_release(folder: Path, hardware: Hardware, *, look: bool = True) -> Opened:
    """Open a folder whose files were verified when they were fetched.

    Args:
        look: at every file's digest once more.

    Raises:
        ActivationError: a file is absent or not what it was.
        ReleaseUnusableError: the release has no recipe for this machine, or says what this version does not know.
    """
    path = folder / RELEASE_NAME
    try:
        raw = path.read_bytes()
        release = Release.model_validate_json(raw)
    except OSError as error:
        raise ActivationError(f"{path} cannot be read: {error.strerror}", _FETCH) from error
    except ValidationError as error:
        raise ReleaseUnusableError(f"{path}, {first_problem(error.errors(), 'the file')}") from error
    recipe = release.recipe_for(hardware.sku)
    if recipe is None:
        known = ", ".join(recipe.sku for recipe in release.recipes)
        raise ReleaseUnusableError(
            f"release '{release.use.release_id}' has no recipe for SKU '{hardware.sku}', only for {known}"
        )
    opened = Opened(folder, release, hashlib.sha256(raw).hexdigest(), recipe)
    for file in release.files if look else ():
        _same(folder / file.name, file.bytes, file.sha256)
    return opened


def _same(path: Path, size: int, digest: str) -> None:
    if not path.is_file():
        raise ActivationError(f"{path} is not there", _FETCH)
    if path.stat().st_size != size or sha256_of(path) != digest:
        raise ActivationError(f"{path} is not what the release says", _FETCH)


_FETCH = "The device fetches the file anew by itself; the old engine serves."
