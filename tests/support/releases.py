"""A release's document and a device's assignment, as small as they may be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

DIGEST = "0" * 64
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC).isoformat()


def release_document(release_id: str = "compact-1", **changes: Any) -> dict[str, Any]:
    """``release.json`` of two networks in fp32 and the first in int8 too."""
    parts = [("student", "fp32"), ("student", "int8"), ("behaviour", "fp32")]
    files = [f"{role}.{precision}.onnx" for role, precision in parts] + [
        f"{role}.npz" for role in ("student", "behaviour")
    ]
    document: dict[str, Any] = {
        "use": {
            "release_id": release_id,
            "engine": "compact",
            "space_id": release_id,
            "dimensions": 64,
            "ethogram_id": "pig-9",
        },
        "files": [{"name": name, "bytes": 1, "sha256": DIGEST} for name in files],
        "networks": [
            {"role": role, "precision": precision, "file": f"{role}.{precision}.onnx", "largest_error": 0.0}
            for role, precision in parts
        ],
        "recipes": [
            {"sku": "cpu", "precision": "int8", "budget": {"latency_ms": 100, "memory_mib": 500}},
            {"sku": "orin-nx-16", "precision": "fp16", "budget": {"latency_ms": 10, "memory_mib": 900}},
        ],
        "fixtures": [
            {"role": role, "precision": "fp32", "file": f"{role}.npz", "tolerance": 0.01}
            for role in ("student", "behaviour")
        ],
        "provenance": {
            "model": "herdbook-compact",
            "version": 1,
            "run_id": "run",
            "git_revision": "git",
            "data_revision": "dvc",
            "made_at": NOON,
        },
    }
    return document | changes


def assignment_document(device_id: str = "barn-1", **changes: Any) -> dict[str, Any]:
    """An assignment of one file."""
    document: dict[str, Any] = {
        "device_id": device_id,
        "number": 1,
        "release_id": "compact-1",
        "files": [
            {"path": "releases/compact-1/release.json", "name": "release.json", "bytes": 1, "sha256": DIGEST},
        ],
        "issued_at": NOON,
    }
    return document | changes
