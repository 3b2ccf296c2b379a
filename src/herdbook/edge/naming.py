"""Provisional names: a device's tracklets matched to its own animals by the pools that came with its release.

The platform's claims are what counts; these names serve alerts until then. They are made as claims are
(`herdbook.matching`): looks of one space only, two tracklets seen at once are two animals, and an animal that is not in
the pools is nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.pools import MAX_POOLS_BYTES, POOLS_NAME, Pools, Reference, parse_pools
from herdbook.edge.config import DeviceConfig
from herdbook.errors import ReleaseDataError
from herdbook.matching.decide import Day, decide
from herdbook.matching.evidence import Looks, References
from herdbook.matching.exclusion import camera_groups

SURE = 0.8
"""Least confidence at which a tracklet gets a name; the platform is content with less, but corrects itself."""
_WORST = 0.01


class Name(NamedTuple):
    """The animal that a tracklet provisionally is."""

    animal_id: str
    confidence: float


class Sighting(NamedTuple):
    """A tracklet; instants in seconds since 1970."""

    tracklet_id: str
    camera_id: str
    start: float
    end: float


@dataclass(frozen=True)
class Embeddings:
    """``k`` embeddings of one space: their tracklets, ``[k, d]`` vectors and qualities, in the order of time."""

    tracklets: Sequence[str]
    vectors: NDArray[np.float64]
    quality: NDArray[np.float64]


class Namer:
    """Names a device's tracklets."""

    def __init__(self, pools: Pools, space_id: str, pens: Mapping[str, str]) -> None:
        """Prepare.

        Args:
            pools: of the device.
            space_id: in which its release sees.
            pens: of each camera.

        Raises:
            ReleaseDataError: the pools have no reference in that space.
        """
        self._space_id, self._pens = space_id, dict(pens)
        held: tuple[Reference, ...] = pools.in_space(space_id)
        self._animals = tuple(sorted({reference.animal_id for reference in held}))
        number = {animal: n for n, animal in enumerate(self._animals)}
        self._stays = {reference.animal_id: reference.pen_id for reference in held}
        vectors = [_unit(reference.vector.astype(float) * reference.scale) for reference in held]
        self._references = References(
            space_id,
            np.array([number[reference.animal_id] for reference in held], dtype=np.int64),
            np.stack(vectors) if vectors else np.zeros((0, 0)),
        )

    def names(self, sightings: Sequence[Sighting], embeddings: Embeddings) -> dict[str, Name]:
        """The tracklets that are surely enough an animal of the pools.

        Args:
            sightings: all tracklets, also those without a look: they exclude others.
            embeddings: what they look like, in the release's space.
        """
        if not self._animals or not sightings or not len(embeddings.vectors):
            return {}
        if embeddings.vectors.shape[1] != self._references.mean.shape[1]:
            raise ReleaseDataError(
                f"the pools' vectors have {self._references.mean.shape[1]} values, "
                f"those of '{self._space_id}' here {embeddings.vectors.shape[1]}"
            )
        ids = tuple(sighting.tracklet_id for sighting in sightings)
        cameras = tuple(sighting.camera_id for sighting in sightings)
        possible = np.array(
            [[self._stays[animal] == self._pens.get(camera) for animal in self._animals] for camera in cameras]
        )
        day = Day(
            tracklet_ids=ids,
            camera=cameras,
            start=np.array([sighting.start for sighting in sightings]),
            end=np.array([sighting.end for sighting in sightings]),
            animal_ids=self._animals,
            possible=possible,
            groups=tuple(camera_groups(cameras, ())),
            looks=(_looks(self._space_id, ids, embeddings),),
            references=(self._references,),
            enrolled={},
        )
        return {
            claim.tracklet_id: Name(claim.animal_id, claim.confidence)
            for claim in decide(day)
            if claim.animal_id is not None and claim.confidence >= SURE
        }


def namer_of(config: DeviceConfig) -> Namer | None:
    """The device's namer; none where its release came without pools.

    Raises:
        ReleaseDataError: the pools cannot be used.
    """
    path: Path | None = None if config.network is None else config.network / POOLS_NAME
    if path is None or not path.is_file():
        return None
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_POOLS_BYTES + 1)
    except OSError as error:
        raise ReleaseDataError(f"{path} cannot be read: {error.strerror}") from error
    pens = {camera.camera_id: camera.pen_id for camera in config.cameras}
    return Namer(parse_pools(raw, config.device_id), config.release.space_id, pens)


def _looks(space_id: str, ids: Sequence[str], embeddings: Embeddings) -> Looks:
    """Quality-weighted means, whole and by the earlier and later half of each tracklet's embeddings."""
    place = {tracklet: n for n, tracklet in enumerate(ids)}
    row = np.array([place.get(tracklet, -1) for tracklet in embeddings.tracklets], dtype=np.int64)
    known = np.flatnonzero(row >= 0)
    row, vectors = row[known], embeddings.vectors[known]
    weight = np.maximum(embeddings.quality[known], _WORST)
    count = np.bincount(row, minlength=len(ids))
    seen = np.zeros(len(ids), np.int64)
    half = np.zeros(len(row), np.int64)
    for n, tracklet in enumerate(row.tolist()):
        half[n] = int(2 * seen[tracklet] >= count[tracklet] + count[tracklet] % 2)
        seen[tracklet] += 1
    sums = np.zeros((len(ids), 2, vectors.shape[1]))
    np.add.at(sums, (row, half), vectors * weight[:, None])
    whole = sums.sum(axis=1)
    there = np.flatnonzero(np.linalg.norm(whole, axis=1) > 0)
    weights = np.bincount(row, weight, len(ids)).astype(np.float64)
    return Looks(space_id, there, _unit(whole[there]), _unit(sums[there]), weights[there])


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(norm > 0, norm, 1))
