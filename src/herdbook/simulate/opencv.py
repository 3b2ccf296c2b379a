"""OpenCV, which comes with the extra ``edge``."""

from __future__ import annotations

from typing import Any

from herdbook.errors import MissingDependencyError


def opencv() -> Any:
    """The module ``cv2``.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError(
            "drawing a simulated farm needs OpenCV", "Install the extra: pip install 'herdbook[edge]'."
        ) from error
    return cv2
