"""Embedding pools: what a device's own animals look like, so that it can name them provisionally by itself.

One Parquet file of references: the mean look of one enrolled tracklet in one space each, as int8 with a scale.
Equal references give equal bytes. Which device it is for stands in the file's own metadata.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from herdbook.contracts.identifiers import AnimalId, Slug, TrackletId
from herdbook.errors import ReleaseDataError

POOLS_NAME = "pools.parquet"
"""Its name beside the release's files on the device."""
FORMAT = b"herdbook-pools/1"
MAX_POOLS_BYTES = 32 << 20
REFERENCES_PER_ANIMAL = 6
"""In each space: the newest count, since animals change."""
MAX_DIMENSIONS = 8192

POOLS_SCHEMA = pa.schema(
    [
        pa.field("animal_id", pa.string(), nullable=False),
        pa.field("pen_id", pa.string(), nullable=False),
        pa.field("space_id", pa.string(), nullable=False),
        pa.field("tracklet_id", pa.string(), nullable=False),
        pa.field("vector", pa.list_(pa.field("element", pa.int8(), nullable=False)), nullable=False),
        pa.field("scale", pa.float32(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Reference:
    """An enrolled tracklet of an animal that stays in a pen of the device; ``vector * scale`` has L2 norm 1."""

    animal_id: str
    pen_id: str
    space_id: str
    tracklet_id: str
    vector: NDArray[np.int8]
    scale: float


@dataclass(frozen=True)
class Pools:
    """All references that a device carries, sorted by space, animal, pen and tracklet."""

    device_id: str
    references: tuple[Reference, ...]

    @property
    def spaces(self) -> tuple[str, ...]:
        """Embedding spaces that there are references in."""
        return tuple(sorted({reference.space_id for reference in self.references}))

    def in_space(self, space_id: str) -> tuple[Reference, ...]:
        """The references of one space; those of others are never compared with it.

        Raises:
            ReleaseDataError: there are references, but none in that space.
        """
        found = tuple(reference for reference in self.references if reference.space_id == space_id)
        if self.references and not found:
            raise ReleaseDataError(
                f"the pools are of {', '.join(self.spaces)}, and the release sees in '{space_id}'",
                "Export the pools again once animals are enrolled in the new release's space.",
            )
        return found


def pools_bytes(pools: Pools) -> bytes:
    """The file.

    Raises:
        ReleaseDataError: it would be larger than a device takes.
    """
    ordered = sorted(pools.references, key=_key)
    rows = [vars(reference) | {"vector": reference.vector.tolist()} for reference in ordered]
    metadata = {b"herdbook": FORMAT, b"device_id": pools.device_id.encode()}
    table = pa.Table.from_pylist(rows, schema=POOLS_SCHEMA.with_metadata(metadata))
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="zstd")
    if stream.tell() > MAX_POOLS_BYTES:
        raise ReleaseDataError(
            f"the pools of '{pools.device_id}' have {stream.tell()} bytes, more than {MAX_POOLS_BYTES}",
            "Export one space only: --space.",
        )
    return stream.getvalue()


def parse_pools(raw: bytes, device_id: str) -> Pools:
    """Read a file of pools.

    Args:
        raw: its bytes.
        device_id: whose it must be.

    Raises:
        ReleaseDataError: it is not one, not this device's, or a row in it cannot be.
    """
    if len(raw) > MAX_POOLS_BYTES:
        raise ReleaseDataError(f"the pools have {len(raw)} bytes, more than {MAX_POOLS_BYTES}")
    try:
        table = pq.read_table(pa.BufferReader(raw))
    except (pa.ArrowException, OSError) as error:
        raise ReleaseDataError("the pools are not a Parquet file") from error
    said = table.schema.metadata or {}
    if said.get(b"herdbook") != FORMAT or not table.schema.remove_metadata().equals(POOLS_SCHEMA):
        raise ReleaseDataError("the pools' columns are not those of herdbook-pools/1")
    if said.get(b"device_id") != device_id.encode():
        raise ReleaseDataError(f"the pools are another device's, not those of '{device_id}'")
    return Pools(device_id, tuple(sorted(_references(table), key=_key)))


def quantised(vector: NDArray[np.float64]) -> tuple[NDArray[np.int8], float]:
    """A vector as int8 with the scale that gives it back, to half a step of its largest value over 127."""
    scale = float(np.float32(np.abs(vector).max(initial=0) / 127))
    if scale == 0:
        return np.zeros(len(vector), np.int8), 1.0
    return np.clip(np.rint(vector / scale), -127, 127).astype(np.int8), scale


_NAMES = TypeAdapter(tuple[AnimalId, Slug, Slug, TrackletId])


def _references(table: pa.Table) -> Iterable[Reference]:
    lengths: dict[str, int] = {}
    for row in table.to_pylist():
        try:
            names = _NAMES.validate_python(
                tuple(row[key] for key in ("animal_id", "pen_id", "space_id", "tracklet_id"))
            )
        except ValidationError as error:
            raise ReleaseDataError("a row of the pools has a name that cannot be") from error
        vector, scale = np.array(row["vector"], np.int8), float(row["scale"])
        length = lengths.setdefault(names[2], len(vector))
        if len(vector) != length or not 0 < length <= MAX_DIMENSIONS or not (np.isfinite(scale) and scale > 0):
            raise ReleaseDataError(f"a vector of the pools in space '{names[2]}' has another length or no scale")
        if not vector.any():
            raise ReleaseDataError(f"a vector of the pools in space '{names[2]}' has no direction")
        yield Reference(*names, vector, scale)


def _key(reference: Reference) -> tuple[str, ...]:
    return (reference.space_id, reference.animal_id, reference.pen_id, reference.tracklet_id)
