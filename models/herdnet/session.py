"""Streaming through SAM 3's tracker for as long as a camera runs: a sliding window over what its session remembers.

A `Sam3TrackerVideoInferenceSession` keeps every frame and, per object, every output, although the tracker reads only
the last few: `num_maskmem - 1` frames of memory, `max_object_pointers_in_encoder - 1` object pointers, and the
conditioning frames (those with a prompt): the memory of the `max_cond_frame_num` nearest, the pointer of each.
`prune` drops the rest. With a window of at least `SlidingWindow.covering(config)` the results are bit for bit the
same (ADR 0089; proved in tests/herdnet/test_herdnet_session.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor
from transformers import Sam3TrackerVideoConfig, Sam3TrackerVideoInferenceSession, Sam3TrackerVideoModel

from herdnet.errors import PromptError
from herdnet.pixels import resize

POINTER = "object_pointer"
LARGE_MASK = "high_res_masks"
"""Read only while the frame's own memory is encoded, and the largest thing a session keeps: 4 MB a frame and object
at 1008 px."""
BOX_CORNERS = (2, 3)
"""SAM's point labels for the corners of a box."""


@dataclass(frozen=True)
class SlidingWindow:
    """How much of the past a session keeps: per-object outputs of the newest frames, pixels and features of the
    newest."""

    frames: int = 16

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise PromptError("a window keeps at least the newest frame")

    @classmethod
    def covering(cls, config: Sam3TrackerVideoConfig) -> SlidingWindow:
        """The smallest window that changes no result: 15 frames for SAM 3."""
        return cls(max(config.num_maskmem, config.max_object_pointers_in_encoder) - 1)

    def covers(self, config: Sam3TrackerVideoConfig) -> bool:
        """Whether results with this window are those without any."""
        return self.frames >= self.covering(config).frames


def prune(
    session: Sam3TrackerVideoInferenceSession, frame: int, window: SlidingWindow, conditioning: int | None = None
) -> None:
    """After `frame` (the newest) has been tracked: drop what no later frame reads.

    `conditioning`: prompted frames before the window whose memory stays (`max_cond_frame_num`; None or -1 keeps all).
    Of older ones only the object pointer stays, which the tracker reads for ever.
    """
    oldest = frame - window.frames + 1
    _drop_before(session.processed_frames or {}, frame)
    _drop_before(cast(dict[int, Any], session.cache._vision_features), frame)
    for index, outputs in session.output_dict_per_obj.items():
        _drop_before(outputs["non_cond_frame_outputs"], oldest)
        _drop_before(session.frames_tracked_per_obj[index], oldest)
        _drop_before(session.point_inputs_per_obj[index], frame)
        _drop_before(session.mask_inputs_per_obj[index], frame)
        prompted = outputs["cond_frame_outputs"]
        before = sorted(t for t in prompted if t < oldest)
        if conditioning is not None and conditioning >= 0:
            for t in before[: max(len(before) - conditioning, 0)]:
                prompted[t] = {POINTER: prompted[t][POINTER]}
        for store in outputs.values():
            for t, output in store.items():
                if t < frame:
                    output.pop(LARGE_MASK, None)


def _drop_before(frames: dict[int, Any], oldest: int) -> None:
    for t in [t for t in frames if t < oldest]:
        del frames[t]


@dataclass(frozen=True)
class ObjectPrompt:
    """Where an object is in the current frame: points with labels and/or a box, or a mask; in pixels of that frame."""

    object_id: int
    points: Sequence[tuple[float, float]] = ()
    labels: Sequence[int] = ()
    """1 on the object, 0 beside it; all 1 when left out"""
    box: tuple[float, float, float, float] | None = None
    mask: Tensor | None = None
    """bool [H, W]"""

    def __post_init__(self) -> None:
        if self.labels and len(self.labels) != len(self.points):
            raise PromptError(f"object {self.object_id}: {len(self.points)} points have {len(self.labels)} labels")
        if (self.mask is None) == (not self.points and self.box is None):
            raise PromptError(f"object {self.object_id}: give points or a box, or else a mask")


@dataclass(frozen=True)
class Tracked:
    """The objects of one frame, in the order in which they were first prompted."""

    frame: int
    object_ids: list[int] = field(default_factory=list)
    logits: Tensor = field(default_factory=lambda: torch.zeros(0, 0, 0))
    """[N, h, w] mask logits at the decoder's resolution"""
    scores: Tensor = field(default_factory=lambda: torch.zeros(0))
    """[N] probability that the object is in view"""


class Stream:
    """Frames in, masks of prompted objects out. Numbers frames itself: the session would number them by how many it
    still holds."""

    def __init__(
        self,
        tracker: Sam3TrackerVideoModel,
        window: SlidingWindow | None = None,
        *,
        dtype: torch.dtype = torch.float32,
        pruned: bool = True,
    ) -> None:
        """`window` defaults to 16 frames, which covers SAM 3's memory; `pruned=False` keeps everything."""
        self.tracker = tracker
        self.window = (window or SlidingWindow()) if pruned else None
        self.side = int(tracker.config.image_size)
        self.frame = -1
        device = tracker.no_memory_embedding.device
        self.session = Sam3TrackerVideoInferenceSession(
            inference_device=device, inference_state_device=device, video_storage_device=device, dtype=dtype
        )

    def step(self, image: Tensor, prompts: Sequence[ObjectPrompt] = ()) -> Tracked:
        """Track the next frame [3, H, W] (RGB, 0..1). A prompt begins an object, whenever it appears, or corrects
        it."""
        self.frame += 1
        height, width = int(image.shape[-2]), int(image.shape[-1])
        for prompt in prompts:
            self._add(prompt, height, width)
        if self.session.get_obj_num() == 0:
            return Tracked(self.frame)
        self.session.obj_with_new_inputs = [prompt.object_id for prompt in prompts]
        pixels = 2 * resize(image[None], (self.side, self.side)) - 1
        out = self.tracker(self.session, frame=pixels, frame_idx=self.frame)
        if self.window is not None:
            prune(self.session, self.frame, self.window, self.tracker.config.max_cond_frame_num)
        return Tracked(self.frame, out.object_ids, out.pred_masks[:, 0], out.object_score_logits.flatten().sigmoid())

    def _add(self, prompt: ObjectPrompt, height: int, width: int) -> None:
        index = self.session.obj_id_to_idx(prompt.object_id)
        if prompt.mask is not None:
            mask = resize(prompt.mask[None, None].float(), (self.side, self.side)) >= 0.5
            self.session.add_mask_inputs(index, self.frame, mask)
            return
        corners = [] if prompt.box is None else [prompt.box[:2], prompt.box[2:]]
        scale = torch.tensor([self.side / width, self.side / height])
        labels = list(BOX_CORNERS[: len(corners)]) + list(prompt.labels or [1] * len(prompt.points))
        self.session.add_point_inputs(
            index,
            self.frame,
            {
                "point_coords": (torch.tensor([*corners, *prompt.points]) * scale)[None, None],
                "point_labels": torch.tensor(labels, dtype=torch.int32)[None, None],
            },
        )


def session_bytes(session: Sam3TrackerVideoInferenceSession) -> int:
    """Bytes of all tensors that a session holds, shared storage counted once."""
    storages: dict[int, int] = {}
    waiting: list[Any] = [
        session.processed_frames,
        session.cache._vision_features,
        session.output_dict_per_obj,
        session.point_inputs_per_obj,
        session.mask_inputs_per_obj,
    ]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Tensor):
            storage = item.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)
    return sum(storages.values())
