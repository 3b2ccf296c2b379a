"""Crossing embedding spaces: only over a bridge, a map whose error was measured on what it was not made from.

The lake's `bridge_space` says which bridges there are and how good; maps lie in ``<registry>/bridges/<digest>.npz``.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import duckdb
import numpy as np

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.errors import CrossSpaceError, NotFoundError, TransferCorruptError
from herdbook.matching.exclusion import Floats

_NEWEST = """
SELECT map_sha256, cosine, cosine_strangers, rank1_across, rank1_within, queries, held_out
FROM bridge_space
WHERE from_space_id = ? AND to_space_id = ? AND map_sha256 IS NOT NULL AND cosine IS NOT NULL
ORDER BY made_at DESC, bridge_id
LIMIT 1
"""


@dataclass(frozen=True, eq=False)
class SpaceMap:
    """``unit((v - origin) @ matrix + target)``: affine, and back to length 1."""

    from_space: str
    to_space: str
    origin: Floats
    """``[d]``, the mean of what it was made from, in the old space."""
    matrix: Floats
    """``[d, e]``."""
    target: Floats
    """``[e]``, the mean in the new space."""

    def apply(self, vectors: Floats, space_id: str) -> Floats:
        """Vectors of the old space as the new one would have them.

        Args:
            vectors: ``[n, d]``, L2 norm 1.
            space_id: the space that they are of.

        Returns:
            ``[n, e]``, L2 norm 1.

        Raises:
            CrossSpaceError: they are of another space, or of another length: spaces are never compared.
        """
        if space_id != self.from_space:
            raise CrossSpaceError(f"the map leads from '{self.from_space}', the vectors are of '{space_id}'")
        if vectors.ndim != 2 or vectors.shape[1] != len(self.origin):
            raise CrossSpaceError(f"'{space_id}' has {len(self.origin)} dimensions, the vectors are {vectors.shape}")
        mapped = (vectors - self.origin) @ self.matrix + self.target
        return np.asarray(mapped / np.maximum(np.linalg.norm(mapped, axis=1, keepdims=True), 1e-12))

    def to_bytes(self) -> bytes:
        """As a NumPy archive; equal maps give equal bytes."""
        origin, matrix, target = (np.asarray(part, "<f4") for part in (self.origin, self.matrix, self.target))
        spaces = np.array([self.from_space, self.to_space])
        stream = io.BytesIO()
        np.savez(stream, origin=origin, matrix=matrix, target=target, spaces=spaces)
        return stream.getvalue()


@dataclass(frozen=True, eq=False)
class Bridge:
    """A map and what it is worth: see the columns of `bridge_space`."""

    map: SpaceMap
    cosine: float
    cosine_strangers: float | None
    rank1_across: float | None
    rank1_within: float | None
    queries: int
    held_out: str | None


def find_bridge(lake: duckdb.DuckDBPyConnection, folder: Path, from_space: str, to_space: str) -> Bridge:
    """The newest bridge between two spaces.

    Args:
        lake: an open lake, or the published herd.
        folder: where maps are kept: `bridges_folder`.
        from_space: space of the vectors that there are.
        to_space: space that they are to be compared in.

    Raises:
        NotFoundError: there is none, or its map is not kept here: the spaces must not be compared.
        TransferCorruptError: the map is not what was measured.
    """
    row = lake.execute(_NEWEST, [from_space, to_space]).fetchone()
    if row is None:
        raise NotFoundError(
            f"no bridge leads from embedding space '{from_space}' to '{to_space}', so their vectors are not compared",
            "`herdbook learn bridge OLD NEW` measures one on footage that both releases can read.",
        )
    digest, *worth = row
    return Bridge(read_map(folder, digest), *worth)


def write_map(folder: Path, made: SpaceMap) -> str:
    """Keep a map; its digest."""
    raw = made.to_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    write_durably(make_folder(folder) / f"{digest}.npz", raw)
    return digest


def read_map(folder: Path, digest: str) -> SpaceMap:
    """A map by its digest.

    Raises:
        NotFoundError: it is not there.
        TransferCorruptError: the file is not the one of that digest.
    """
    path = folder / f"{digest}.npz"
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise NotFoundError(
            f"the map between two embedding spaces is not at {path}",
            "Restore it from a backup, or measure the bridge again with `herdbook learn bridge --again`.",
        ) from error
    if hashlib.sha256(raw).hexdigest() != digest:
        raise TransferCorruptError(f"{path} is not the map of that digest", "Remove it and restore it from a backup.")
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as said:
            arrays = [said[name].astype(np.float64) for name in ("origin", "matrix", "target")]
            from_space, to_space = (str(name) for name in said["spaces"])
            return SpaceMap(from_space, to_space, *arrays)
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise TransferCorruptError(f"{path} is no map: {error}") from error


def bridges_folder(registry: Path) -> Path:
    """Where maps are kept."""
    return registry / "bridges"
