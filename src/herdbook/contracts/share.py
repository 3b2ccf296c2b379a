"""A share of a night's work: several workers take a share each, and together they do all of it."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Self

from herdbook.errors import InputError

_SHARE = re.compile(r"([1-9]\d{0,3})/([1-9]\d{0,3})")


@dataclass(frozen=True)
class Share:
    """The ``number``-th of ``of`` shares, from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``2/4``.

        Raises:
            InputError: it is not a share.
        """
        found = _SHARE.fullmatch(text)
        if found is None or int(found[1]) > int(found[2]):
            raise InputError(f"{text!r} is not a share", "Give for example 2/4: the second of four.")
        return cls(int(found[1]), int(found[2]))

    def has(self, device_id: str, day: str) -> bool:
        """Whether a device day is of this share: of exactly one of all, in every process and on every night."""
        return zlib.crc32(f"{device_id} {day}".encode()) % self.of == self.number - 1


ALL = Share(1, 1)
