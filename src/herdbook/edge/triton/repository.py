"""Triton's model repository on disk: every taking up of a release gets a folder with a number that was never used.

``models/<role>.<release>/config.pbtxt`` names exactly the versions to load (policy ``specific``), and
``models/<role>.<release>/<number>/`` holds one. Both are written beside, flushed and renamed, so that a power cut
leaves a version whole or absent.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from herdbook.contracts.camera import Contract
from herdbook.contracts.durable import disk_full_is_said, fsync_path, make_folder, write_durably

Backend = Literal["onnxruntime", "tensorrt"]


class Tensor(Contract):
    """One input or output of a graph."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    kind: Annotated[str, Field(pattern=r"^tensor\([a-z0-9]+\)$")]
    """Its type as ONNX Runtime calls it."""
    shape: tuple[int | None, ...]
    """None is any size."""


Tensors = dict[str, tuple[tuple[Tensor, ...], tuple[Tensor, ...]]]
"""Inputs and outputs of graphs, by role."""


@dataclass(frozen=True)
class Model:
    """One network as Triton is to serve it."""

    name: str
    backend: Backend
    source: Path
    """The graph or the plan."""
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    threads: int = 1


_PROGRAM = Path(__file__).with_name("onnx_model.py")
"""Not imported: it runs in Triton's own environment."""
_TYPES = {
    "tensor(float)": "TYPE_FP32",
    "tensor(float16)": "TYPE_FP16",
    "tensor(double)": "TYPE_FP64",
    "tensor(int64)": "TYPE_INT64",
    "tensor(int32)": "TYPE_INT32",
    "tensor(int8)": "TYPE_INT8",
    "tensor(uint8)": "TYPE_UINT8",
    "tensor(bool)": "TYPE_BOOL",
}


def model_name(role: str, release_id: str) -> str:
    """How a release's network is called in Triton."""
    return f"{role}.{release_id}"


def config_text(model: Model, versions: Sequence[int]) -> str:
    """``config.pbtxt``; names are quoted as JSON, which is also the text format of protocol buffers."""
    lines = [f"name: {json.dumps(model.name)}"]
    lines += ['platform: "tensorrt_plan"'] if model.backend == "tensorrt" else ['backend: "python"']
    lines += ["max_batch_size: 0"]
    for side, tensors in (("input", model.inputs), ("output", model.outputs)):
        lines += [
            f"{side} [{{ name: {json.dumps(t.name)} data_type: {_TYPES[t.kind]} dims: [{_dims(t)}] }}]" for t in tensors
        ]
    lines += [f"version_policy: {{ specific: {{ versions: [{', '.join(map(str, sorted(versions)))}] }} }}"]
    if model.backend == "tensorrt":
        lines += ["instance_group [{ kind: KIND_GPU count: 1 }]"]
    else:
        lines += [
            "instance_group [{ kind: KIND_CPU count: 1 }]",
            f'parameters {{ key: "threads" value: {{ string_value: "{model.threads}" }} }}',
        ]
    return "\n".join(lines) + "\n"


def _dims(tensor: Tensor) -> str:
    return ", ".join(str(-1 if size is None else size) for size in tensor.shape)


def write_version(models: Path, model: Model, version: int, *, beside: Iterable[int] = ()) -> None:
    """Write a version, then the configuration that names it.

    Args:
        models: the repository.
        version: its number; a number never names two contents.
        beside: versions of the same model that are to stay loaded.

    Raises:
        DiskFullError: no space is left; the configuration still names what it named.
    """
    from herdbook.edge.prepare import link_or_copy

    home = make_folder(models / model.name)
    folder, part = home / str(version), home / f".{version}.part"
    if not folder.is_dir():
        shutil.rmtree(part, ignore_errors=True)
        with disk_full_is_said(folder):
            part.mkdir()
            link_or_copy(model.source, part / ("model.plan" if model.backend == "tensorrt" else "model.onnx"))
            if model.backend == "onnxruntime":
                (part / "model.py").write_bytes(_PROGRAM.read_bytes())
            for path in part.iterdir():
                fsync_path(path)
            fsync_path(part)
            part.rename(folder)
            fsync_path(home)
    config, told = home / "config.pbtxt", config_text(model, sorted({version, *beside})).encode()
    if not config.is_file() or config.read_bytes() != told:
        write_durably(config, told)


def keep_only(models: Path, wanted: Iterable[tuple[str, int]]) -> None:
    """Remove every model and version but these, and what a crash left half written."""
    versions: dict[str, set[str]] = {}
    for name, version in wanted:
        versions.setdefault(name, set()).add(str(version))
    for home in models.iterdir() if models.is_dir() else ():
        if home.name not in versions:
            shutil.rmtree(home, ignore_errors=True)
            continue
        for folder in home.iterdir():
            if folder.is_dir() and folder.name not in versions[home.name]:
                shutil.rmtree(folder, ignore_errors=True)
