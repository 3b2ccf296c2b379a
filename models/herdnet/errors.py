"""What can go wrong in the networks. The platform maps these to its own errors; nothing here knows the platform."""

from __future__ import annotations


class HerdnetError(Exception):
    """Root of this package's errors; `remedy` says what to do."""

    remedy = "See the message."

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy or self.remedy


class ShapeError(HerdnetError, ValueError):
    """A tensor or a network does not have the shape that the other side needs."""

    remedy = "Build both sides from the same configuration."


class PromptError(HerdnetError, ValueError):
    """A prompt is empty, contradicts itself, or needs a part that was not loaded."""

    remedy = "Give points with labels, a box, a mask, or a text prompt with a teacher that has its text encoder."


class WeightsUnavailableError(HerdnetError, OSError):
    """Weights are not where they should be, are not ours to read, or are in a format that could run code."""

    remedy = "Give a folder with config.json and *.safetensors."


class NonFiniteLossError(HerdnetError, ArithmeticError):
    """A loss became NaN or infinite; training on would spoil the weights."""

    remedy = "Resume from the last checkpoint with a lower learning rate, or look at the batch named in the message."


class ExportError(HerdnetError):
    """A network cannot be written as ONNX or quantised, or an ONNX file cannot be run."""

    remedy = "Install the extra 'learning', and name a file that herdnet.export wrote."
