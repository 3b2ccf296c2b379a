"""Random streams: one per purpose, so that adding a day, pen or camera changes nothing of the others."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *names: object) -> np.random.Generator:
    """The generator of a seed and a path of names, for example ``stream(7, farm_id, pen_id, day, "behaviour")``."""
    digest = hashlib.sha256("/".join(str(name) for name in names).encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))
