"""Trained networks on disk: safetensors and a config.json beside."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from herdbook.errors import FileFormatError, NotFoundError
from herdnet.behaviour import BehaviourConfig, BehaviourHead
from herdnet.compact import CompactConfig, CompactStudent
from herdnet.embedder import Embedder
from herdnet.pretrained import INSTALLED
from herdnet.student import Student, StudentConfig

STUDENT, HEAD, EMBEDDER = "student.safetensors", "head.safetensors", "embedder.safetensors"
CONFIG = "config.json"
N = TypeVar("N", bound=nn.Module)


def weight_files(trunk_weights: str | None) -> list[Path]:
    """The file that is named, as an input on which a result depends; what is installed is pinned by its digest."""
    return [Path(trunk_weights)] if trunk_weights and trunk_weights != INSTALLED else []


def save_student(student: CompactStudent, folder: Path) -> None:
    """Write a compact student."""
    _save(student, asdict(student.config), folder, STUDENT)


def load_student(folder: Path) -> CompactStudent:
    """Read a compact student, in evaluation mode.

    Raises:
        NotFoundError, FileFormatError: it is not there, or is no student.
    """
    said = _config(folder)
    said["image_size"] = tuple(said["image_size"])
    said["postures"] = tuple(said["postures"])
    return _load(CompactStudent(CompactConfig(**said)), folder, STUDENT)


def save_encoder(student: Student, folder: Path) -> None:
    """Write an encoder student."""
    _save(student, asdict(student.config), folder, STUDENT)


def load_encoder(folder: Path) -> Student:
    """Read an encoder student, in evaluation mode.

    Raises:
        NotFoundError, FileFormatError: it is not there, or is no encoder student.
    """
    said = _config(folder)
    if set(said) != {field.name for field in fields(StudentConfig)}:
        raise FileFormatError(f"{folder / CONFIG} is of no encoder student", "Run the stage `align`.")
    return _load(Student(StudentConfig(**said)), folder, STUDENT)


def save_head(head: BehaviourHead, folder: Path) -> None:
    """Write a behaviour head; its scales, priors and temperature are among its weights."""
    _save(head, asdict(head.config), folder, HEAD)


def load_head(folder: Path) -> BehaviourHead:
    """Read a behaviour head, in evaluation mode.

    Raises:
        NotFoundError, FileFormatError: it is not there, or is no head.
    """
    said: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in _config(folder).items()}
    return _load(BehaviourHead(BehaviourConfig(**said)), folder, HEAD)


def save_embedder(embedder: Embedder, folder: Path) -> None:
    """Write an embedder as `Embedder.pretrained(folder)` reads it."""
    embedder.model.save_pretrained(folder, safe_serialization=True)


def _save(network: nn.Module, config: dict[str, Any], folder: Path, name: str) -> None:
    tensors = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    save_file(tensors, folder / name)
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def _config(folder: Path) -> dict[str, Any]:
    try:
        said = json.loads((folder / CONFIG).read_bytes())
    except OSError as error:
        raise NotFoundError(f"there is no {folder / CONFIG}", "Run the stage that makes it first.") from error
    except ValueError as error:
        raise FileFormatError(f"{folder / CONFIG} is not JSON: {error}") from error
    if not isinstance(said, dict):
        raise FileFormatError(f"{folder / CONFIG} is no configuration")
    return said


def _load(network: N, folder: Path, name: str) -> N:
    try:
        network.load_state_dict(load_file(folder / name))
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no {folder / name}", "Run the stage that makes it first.") from error
    except (SafetensorError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise FileFormatError(f"{folder / name} does not fit its {CONFIG}: {first}") from error
    return network.eval()
