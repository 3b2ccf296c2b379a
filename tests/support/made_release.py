"""Whole release folders of small networks, with fixtures that prove them, as a device has fetched them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from herdbook.contracts.assignment import Assignment
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.release import Release
from support.plain_release import DIMENSIONS, HEIGHT, WIDTH
from support.releases import assignment_document, release_document

CPU = {"sku": "cpu", "precision": "fp32", "budget": {"latency_ms": 5000, "memory_mib": 2000}}


def make_release(
    releases: Path,
    source: Path,
    release_id: str = "compact-1",
    *,
    recipe: dict[str, Any] | None = None,
    also: Sequence[dict[str, Any]] = (),
    spoil: float = 0.0,
    **use: Any,
) -> Path:
    """A release of the two networks in `source` (`support.plain_release`), installed under ``releases``.

    Args:
        recipe: of SKU cpu, or of another.
        also: recipes of further SKUs.
        spoil: by how many of their standard deviations the fixtures' outputs are wrong.
    """
    part = releases / f".{release_id}.part"
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source, part)
    rng = np.random.default_rng(3)
    networks, fixtures = [], []
    for role in ("student", "behaviour"):
        given = _inputs(role, part, rng)
        said = _run(part / f"{role}.onnx", given)
        told = {name: values + spoil * max(float(values.std()), 1e-3) for name, values in said.items()}
        arrays = {f"input.{k}": v for k, v in given.items()} | {f"output.{k}": v.astype("f4") for k, v in told.items()}
        np.savez(part / f"{role}.npz", **arrays)
        networks.append({"role": role, "precision": "fp32", "file": f"{role}.onnx", "largest_error": 0.0})
        fixtures.append({"role": role, "precision": "fp32", "file": f"{role}.npz", "tolerance": 0.01})
    names = sorted(path.name for path in part.iterdir())
    files = [{"name": n, "bytes": (part / n).stat().st_size, "sha256": sha256_of(part / n)} for n in names]
    document = release_document(
        release_id, files=files, networks=networks, fixtures=fixtures, recipes=[recipe or CPU, *also]
    )
    document["use"] |= {"dimensions": DIMENSIONS, **use}
    raw = Release.model_validate(document).model_dump_json(indent=1).encode()
    (part / "release.json").write_bytes(raw)
    folder = releases / f"{release_id}-{hashlib.sha256(raw).hexdigest()[:12]}"
    shutil.rmtree(folder, ignore_errors=True)
    return part.rename(folder)


def make_assignment(folder: Path, number: int = 1, **changes: Any) -> Assignment:
    """What asks for the release in a folder."""
    release_id = json.loads((folder / "release.json").read_bytes())["use"]["release_id"]
    path = folder / "release.json"
    target = {
        "path": f"releases/{release_id}/release.json",
        "name": "release.json",
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
    }
    told = {"number": number, "release_id": release_id, "files": [target], "issued_at": datetime.now(UTC)}
    return Assignment.model_validate(assignment_document() | told | changes)


def _inputs(role: str, folder: Path, rng: np.random.Generator) -> dict[str, np.ndarray]:
    if role == "student":
        return {"images": rng.random((1, 3, HEIGHT, WIDTH), dtype=np.float32)}
    features = len(json.loads((folder / "network.json").read_text())["behaviour"]["features"])
    return {
        "features": rng.standard_normal((1, 40, features)).astype(np.float32),
        "present": np.ones((1, 40), _present_type(folder)),
    }


def _present_type(folder: Path) -> type:
    import onnxruntime

    kinds = {e.name: e.type for e in onnxruntime.InferenceSession(str(folder / "behaviour.onnx")).get_inputs()}
    return {"tensor(bool)": np.bool_, "tensor(float)": np.float32}[kinds["present"]]


def _run(graph: Path, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))
