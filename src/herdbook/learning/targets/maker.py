"""What makes targets: any teacher, behind one question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class TargetMaker(Protocol):
    """A teacher that is asked for features of frames. The same frames always give the same features."""

    release: str
    """What names its weights by their content: other weights, other targets."""
    side: int
    """Frames are squeezed to a square of this many pixels before they are asked about."""

    def features(self, frames: Tensor) -> Tensor:
        """[B, 3, side, side] RGB in 0..1 → [B, C, h, w]."""
