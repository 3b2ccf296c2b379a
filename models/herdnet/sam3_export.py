"""SAM 3's tracker → ONNX: one graph per part (`herdnet.sam3_graphs`), and what a runner needs to know of them."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from transformers import Sam3TrackerVideoModel

from herdnet.errors import ExportError
from herdnet.export import OPSET, drop_caches, forget_origin
from herdnet.sam3_graphs import Decoder, Encoder, MemoryAttention, MemoryEncoder
from herdnet.sam3_rules import RULES_NAME, Rules


@dataclass(frozen=True)
class Part:
    """One graph: its module, an example of its inputs, and which of their sizes are free."""

    role: str
    module: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]
    free: dict[str, dict[int, str]]


def parts(tracker: Sam3TrackerVideoModel) -> list[Part]:
    """The four parts, in the order in which a frame needs them. The tracker must be in evaluation mode."""
    encoder = Encoder(tracker)
    with torch.no_grad():
        fine, middle, coarse, _ = encoder(torch.zeros(1, 3, encoder.side, encoder.side))
    width, grid = coarse.shape[1], coarse.shape[-1]
    return [
        Part(
            "encoder",
            encoder,
            {"images": torch.zeros(1, 3, encoder.side, encoder.side)},
            ("fine", "middle", "coarse", "features"),
            {},
        ),
        Part(
            "decoder",
            Decoder(tracker),
            {
                "fine": fine,
                "middle": middle,
                "pixels": coarse,
                "points": torch.zeros(1, 3, 2, 2),
                "labels": torch.ones(1, 3, 2, dtype=torch.int32),
            },
            ("masks", "iou", "objects", "best", "pointers", "best_pointers"),
            {"points": {1: "prompts", 2: "points"}, "labels": {1: "prompts", 2: "points"}},
        ),
        Part(
            "memory-attention",
            MemoryAttention(tracker),
            {
                "coarse": coarse,
                "memories": torch.zeros(3, int(tracker.mem_dim), grid, grid),
                "ages": torch.tensor([0, 2, 1]),
                "pointers": torch.zeros(5, width),
                "offsets": torch.arange(5, dtype=torch.float32),
            },
            ("conditioned",),
            {"memories": {0: "frames"}, "ages": {0: "frames"}, "pointers": {0: "known"}, "offsets": {0: "known"}},
        ),
        Part(
            "memory-encoder",
            MemoryEncoder(tracker),
            {
                "coarse": coarse,
                "masks": torch.zeros(1, 1, 4 * grid, 4 * grid),
                "objects": torch.zeros(1, 1),
                "prompted": torch.zeros(1),
            },
            ("memory",),
            {},
        ),
    ]


def rules_of(tracker: Sam3TrackerVideoModel) -> Rules:
    """What the runner decides by."""
    config = tracker.config
    return Rules(
        side=int(config.image_size),
        picture=Encoder(tracker).side,
        memories=int(config.num_maskmem),
        pointers=int(config.max_object_pointers_in_encoder),
        prompted_memories=int(config.max_cond_frame_num),
        several=bool(config.multimask_output_in_sam),
        several_tracked=bool(config.multimask_output_for_tracking),
        several_points=(int(config.multimask_min_pt_num), int(config.multimask_max_pt_num)),
        no_memory=tuple(float(value) for value in tracker.no_memory_embedding.detach().flatten()),
    )


def export_system(tracker: Sam3TrackerVideoModel, folder: Path, suffix: str = ".onnx") -> dict[str, Path]:
    """Write every part as ``<role><suffix>``, and ``sam3.json`` beside; the graphs by role.

    Raises:
        ExportError: a part uses what ONNX does not have, or onnxscript is not installed.
    """
    tracker.train(False)
    folder.mkdir(parents=True, exist_ok=True)
    found = {part.role: _export(part, folder / f"{part.role}{suffix}") for part in parts(tracker)}
    (folder / RULES_NAME).write_text(json.dumps(asdict(rules_of(tracker)), indent=1) + "\n", encoding="utf-8")
    return found


def _export(part: Part, path: Path) -> Path:
    sizes: dict[str, Any] = {}
    shapes = tuple(
        {axis: sizes.setdefault(name, torch.export.Dim(name, min=1, max=1 << 12)) for axis, name in free.items()}
        for free in (part.free.get(name, {}) for name in part.inputs)
    )
    drop_caches(part.module)
    part.module.eval()
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.filterwarnings("ignore", category=UserWarning)
            program = torch.onnx.export(
                part.module,
                tuple(part.inputs.values()),
                dynamo=True,
                opset_version=OPSET,
                input_names=list(part.inputs),
                output_names=list(part.outputs),
                dynamic_shapes=shapes,
                verbose=False,
                optimize=True,
            )
    except (torch.onnx.errors.OnnxExporterError, ImportError) as error:
        raise ExportError(f"the {part.role} cannot be exported: {str(error).splitlines()[0]}") from error
    finally:
        drop_caches(part.module)
    if program is None:
        raise ExportError(f"the {part.role}: the exporter returned nothing")
    graph = program.model_proto
    forget_origin(graph)
    onnx.checker.check_model(graph)
    temporary = path.with_name(f".{path.name}.part")
    onnx.save_model(graph, str(temporary))
    temporary.replace(path)
    return path
