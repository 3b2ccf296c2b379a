"""SAM 3's weights: from a folder or the hub, only as safetensors, with an error that says how to get them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from transformers import AutoTokenizer, Sam3Model, Sam3TrackerVideoModel

from herdnet.errors import WeightsUnavailableError
from herdnet.substitute import is_system, load_system

HUB_NAME = "facebook/sam3"
ACCESS = (
    f"SAM 3's weights are gated: ask for access on the page of {HUB_NAME} on the Hugging Face hub, then log in "
    "(hf auth login, or HF_TOKEN), or copy the checkpoint's folder (config.json, model.safetensors, tokenizer) here "
    "and give its path. Without them, train a small teacher of the same classes: herdnet.sam3.Teacher.small()."
)

Model = TypeVar("Model")


def load_tracker(source: str | Path) -> Sam3TrackerVideoModel:
    """The video tracker of a checkpoint, or one with a student in its backbone's place. Raises
    WeightsUnavailableError."""
    if is_system(Path(source)):
        return load_system(Path(source))
    return _load(Sam3TrackerVideoModel.from_pretrained, source)


def load_detector(source: str | Path) -> Sam3Model:
    """The text-prompted detector of a checkpoint. Raises WeightsUnavailableError."""
    return _load(Sam3Model.from_pretrained, source)


def load_tokenizer(source: str | Path) -> Any:
    """The tokenizer of a checkpoint. Raises WeightsUnavailableError."""
    return _refused(source, lambda: AutoTokenizer.from_pretrained(source, local_files_only=_is_folder(source)))


def _load(read: Callable[..., Model], source: str | Path) -> Model:
    if _is_folder(source) and not list(Path(source).glob("*.safetensors")):
        raise WeightsUnavailableError(f"{source}: no *.safetensors in this folder", ACCESS)
    model, report = _refused(
        source,
        lambda: read(source, use_safetensors=True, local_files_only=_is_folder(source), output_loading_info=True),
    )
    missing = sorted(report["missing_keys"])
    if missing:
        raise WeightsUnavailableError(
            f"{source}: {len(missing)} weights are missing, the first is {missing[0]}; this is no checkpoint of SAM 3",
            ACCESS,
        )
    loaded: Model = model
    return loaded


def _refused(source: str | Path, read: Callable[[], Any]) -> Any:
    """Whatever keeps a checkpoint from being read (absent, gated, offline, broken) becomes one error."""
    try:
        return read()
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise WeightsUnavailableError(f"{source}: cannot be loaded ({_first_line(error)})", ACCESS) from error


def _is_folder(source: str | Path) -> bool:
    """A path is a folder even when it is absent: a mistyped path is never looked up on the hub."""
    return isinstance(source, Path) or Path(source).is_dir()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
