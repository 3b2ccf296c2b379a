"""Numbers of parameters of every network, as data."""

from __future__ import annotations

from herdbook.errors import MissingDependencyError

Sizes = dict[str, dict[str, int] | float]
"""Parameters by network and part, and ``ratio``."""


def network_sizes() -> Sizes:
    """Count the full-size networks without allocating a weight.

    Raises:
        MissingDependencyError: torch, timm or transformers are not installed.
    """
    try:
        import torch

        from herdnet.compact import ORIN, POCKET, CompactStudent
        from herdnet.embedder import Embedder, small_config, vits16_config
        from herdnet.sizes import full_sizes, parameters
    except ImportError as error:
        raise MissingDependencyError("counting the networks needs the extra 'learning' (torch)") from error
    from transformers import DINOv3ViTModel

    full = full_sizes()
    with torch.device("meta"):
        compact = {"orin": CompactStudent(ORIN), "pocket": CompactStudent(POCKET)}
        embedders = {
            "vits16": Embedder(DINOv3ViTModel(vits16_config())),
            "small": Embedder(DINOv3ViTModel(small_config())),
        }
    return {
        "teacher": {
            "backbone": full.teacher_backbone,
            "neck": full.teacher_neck,
            "tracker": full.tracker,
            "system": full.teacher_system,
        },
        "student": {
            "trunk": full.student_trunk,
            "head": full.student_head,
            "backbone": full.student,
            "system": full.student_system,
        },
        "ratio": full.ratio,
        "compact": {name: parameters(network) for name, network in compact.items()},
        "embedder": {name: parameters(network) for name, network in embedders.items()},
    }
