"""Digests of the code behind each stage, so that DVC runs a stage again when its code changed, and only then."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

_TRAINING = tuple(
    f"herdbook/learning/training/{name}.py"
    for name in ("augment", "batches", "frames", "loop", "params", "schedule", "stage", "stages")
)
_EVALUATION = (
    "herdbook/learning/evaluation",
    "herdbook/learning/metrics",
    "herdbook/edge",
    "herdbook/contracts",
    "herdnet/*.py",
)
ROOMS: dict[str, tuple[str, ...]] = {
    "dataset": (
        "herdbook/learning/datasets",
        "herdbook/learning/formats",
        "herdbook/learning/pixels.py",
        "herdbook/contracts/ethograms",
    ),
    "teacher": (
        *_TRAINING,
        "herdbook/learning/training/sight.py",
        "herdbook/learning/training/teacher.py",
        "herdnet/compact_losses.py",
        "herdnet/compact_targets.py",
        "herdnet/prompts.py",
        "herdnet/sam3*",
    ),
    "targets": ("herdbook/learning/targets", "herdbook/learning/pixels.py", "herdnet/sam3*", "herdnet/pixels.py"),
    "distil": (
        *_TRAINING,
        "herdbook/learning/training",
        "herdnet/compact*",
        "herdnet/instances.py",
        "herdnet/contrastive.py",
        "herdnet/pretrained.py",
        "herdnet/student.py",
        "herdnet/transplant.py",
    ),
    "align": (
        *_TRAINING,
        "herdbook/learning/training",
        "herdbook/learning/targets",
        "herdnet/losses.py",
        "herdnet/pyramid.py",
        "herdnet/s*.py",
    ),
    "substitute": (*_TRAINING, "herdbook/learning/training", "herdbook/edge/perception", "herdnet/*.py"),
    "embed": (*_TRAINING, "herdbook/learning/training/embed.py", "herdnet/embedder.py", "herdnet/c*.py"),
    "behaviour": (*_TRAINING, "herdbook/learning/training", "herdbook/edge/perception", "herdnet/behaviour*"),
    "export": (
        *_TRAINING,
        "herdbook/learning/training",
        "herdbook/edge/perception",
        "herdnet/*export*",
        "herdnet/quantise*",
    ),
    "evaluate": _EVALUATION,
    "evaluate_sam3": _EVALUATION,
}
"""Per stage: folders, files or patterns below the packages."""


def code_digests() -> dict[str, str]:
    """``code.json``: SHA-256 of the code of each stage, wherever it is installed."""
    return {stage: _digest(parts) for stage, parts in ROOMS.items()}


def _digest(parts: tuple[str, ...]) -> str:
    found = hashlib.sha256()
    for part in parts:
        package, _, below = part.partition("/")
        root = Path(str(resources.files(package)))
        for path in sorted(root.glob(below)):
            inside = path.rglob("*") if path.is_dir() else (path,)
            for file in sorted(file for file in inside if file.suffix in (".py", ".yaml")):
                found.update(f"{package}/{file.relative_to(root).as_posix()}\0".encode() + file.read_bytes())
    return found.hexdigest()
