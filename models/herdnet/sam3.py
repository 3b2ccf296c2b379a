"""The teacher: SAM 3, or a small network of the same classes, behind the four questions that distillation asks it.

Backbone targets (`features`), masks from points and boxes (`masks`), all animals in an image (`find`), tracks
(`track`). One `Sam3TrackerVideoModel` answers all but text prompts; the text-prompted detector (`Sam3Model`) is
optional and shares the tracker's backbone, as it does in SAM 3's checkpoint. Images are float RGB in 0..1 of any
size; prompts are in their pixels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Sam3Model, Sam3TrackerVideoModel

from herdnet import sam3_weights
from herdnet.detections import Detections, detections
from herdnet.errors import PromptError, ShapeError
from herdnet.pixels import Standardise, check_images, resize
from herdnet.prompts import Masks, Prompts, decode, neck
from herdnet.sam3_config import MEAN, STD, SmallTeacher, build_tracker, small_config, vision
from herdnet.sam3_init import draw_to_learn
from herdnet.session import SlidingWindow, Stream
from herdnet.student import Student
from herdnet.substitute import StudentBackbone, save_system, substitute

TEXT_LENGTH = 32


class Teacher(nn.Module):
    """Build it with `Teacher.load` or `Teacher.small`."""

    def __init__(
        self, tracker: Sam3TrackerVideoModel, detector: Sam3Model | None = None, tokenizer: Any = None
    ) -> None:
        super().__init__()
        self.tracker = tracker
        self.detector = detector
        self.tokenizer = tokenizer
        if detector is not None:
            detector.vision_encoder.backbone = vision(tracker).backbone
        self.standardise = Standardise(MEAN, STD)

    @classmethod
    def load(cls, source: str | Path = sam3_weights.HUB_NAME, *, text: bool = False) -> Teacher:
        """From a local folder or the hub, in evaluation mode; `text` loads the detector for text prompts too.

        Raises WeightsUnavailableError, whose remedy says how to get access to the gated weights.
        """
        tracker = sam3_weights.load_tracker(source)
        if not text:
            return cls(tracker).eval()
        return cls(tracker, sam3_weights.load_detector(source), sam3_weights.load_tokenizer(source)).eval()

    @classmethod
    def small(cls, size: SmallTeacher | None = None, eyes: Student | None = None) -> Teacher:
        """The same classes at a size for two CPU cores, with random weights: train it on simulator truth.

        It may have an encoder of its own in the backbone's place, as a distilled system does.
        """
        tracker = build_tracker(small_config(size))
        draw_to_learn(tracker)
        return cls(tracker if eyes is None else substitute(tracker, eyes))

    def save(self, folder: Path) -> None:
        """The tracker as safetensors and config.json; `Teacher.load(folder)` reads it back."""
        if isinstance(vision(self.tracker).backbone, StudentBackbone):
            save_system(self.tracker, folder)
        else:
            self.tracker.save_pretrained(folder, safe_serialization=True)

    @property
    def side(self) -> int:
        """Pixels per side of the square that the network sees."""
        return int(self.tracker.config.image_size)

    @property
    def grid(self) -> int:
        """Cells per side of the backbone's output."""
        return int(self.tracker.backbone_feature_sizes[-1][0])

    @property
    def channels(self) -> int:
        """Channels of the backbone's output."""
        return int(vision(self.tracker).config.backbone_config.hidden_size)

    def prepare(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] in 0..1 → the network's input [B, 3, side, side]; the frame is squeezed, not padded, as SAM
        3's is."""
        check_images(images)
        pixels: Tensor = self.standardise(resize(images, (self.side, self.side)))
        return pixels

    def features(self, images: Tensor) -> Tensor:
        """Backbone targets: [B, 3, H, W] → [B, channels, grid, grid] ([B, 1024, 72, 72] at full size)."""
        tokens: Tensor = vision(self.tracker).backbone(self.prepare(images)).last_hidden_state
        return tokens.transpose(1, 2).reshape(len(tokens), -1, self.grid, self.grid)

    def masks(self, images: Tensor, prompts: Prompts, *, several: bool = False) -> Masks:
        """Masks for points or boxes in pixels of `images`; differentiable down to the patches, so a loss on them
        trains it all."""
        height, width = images.shape[-2:]
        return self.masks_from_features(
            self.features(images), prompts.scaled((height, width), self.side), several=several
        )

    def masks_from_features(self, features: Tensor, prompts: Prompts, *, several: bool = False) -> Masks:
        """The same from backbone features, the teacher's or a student's; prompts in pixels of the square input
        (`side`)."""
        return decode(self.tracker, neck(self.tracker, features), prompts, several=several)

    def forward(self, images: Tensor, prompts: Prompts) -> Masks:
        """`masks`: what training calls (through a wrapper for several GPUs)."""
        return self.masks(images, prompts)

    @torch.no_grad()
    def find(
        self,
        image: Tensor,
        text: str | None = None,
        *,
        points_per_side: int = 24,
        threshold: float = 0.5,
        overlap: float = 0.5,
        at_once: int = 64,
    ) -> Detections:
        """All animals in one image [3, H, W].

        With `text` ("pig"), SAM 3's detector; raises PromptError if it was not loaded. Without, a grid of points asks
        the mask decoder everywhere, and its own object score (trained on truth) says where an animal is: no words, no
        classes (ADR 0087). `threshold` is on the score, `overlap` the IoU above which two masks are one animal.
        """
        if image.ndim != 3:
            raise ShapeError(f"find takes one image [3, H, W], not {list(image.shape)}")
        size = (int(image.shape[-2]), int(image.shape[-1]))
        if text is not None:
            logits, scores = self._ask_in_words(image[None], text)
        else:
            logits, scores = self._ask_everywhere(image[None], points_per_side, at_once, threshold)
        sure = scores > threshold
        return detections(logits[sure], scores[sure], size, overlap=overlap)

    def track(self, window: SlidingWindow | None = None) -> Stream:
        """A stream that tracks prompted objects frame by frame, in memory bounded by `window`."""
        return Stream(self.tracker, window)

    def _ask_in_words(self, images: Tensor, text: str) -> tuple[Tensor, Tensor]:
        if self.detector is None or self.tokenizer is None:
            raise PromptError(
                f"a text prompt ({text!r}) needs SAM 3's detector, which this teacher does not have",
                "Load it with Teacher.load(…, text=True), or leave the text out.",
            )
        words = self.tokenizer(
            [text], return_tensors="pt", padding="max_length", max_length=TEXT_LENGTH, truncation=True
        ).to(images.device)
        found = self.detector(
            pixel_values=self.prepare(images), input_ids=words.input_ids, attention_mask=words.attention_mask
        )
        return found.pred_masks[0], (found.pred_logits.sigmoid() * found.presence_logits.sigmoid())[0]

    def _ask_everywhere(self, images: Tensor, per_side: int, at_once: int, threshold: float) -> tuple[Tensor, Tensor]:
        maps = neck(self.tracker, self.features(images))
        centres = (torch.arange(per_side, device=images.device) + 0.5) * self.side / per_side
        points = torch.cartesian_prod(centres, centres).flip(-1).reshape(1, -1, 1, 2)
        logits, scores = [], []
        for some in torch.split(points, at_once, dim=1):
            best, score = decode(self.tracker, maps, Prompts(some)).best()
            sure = score[0] > threshold  # the rest is dropped at once: a mask each would fill the memory
            logits.append(best[0][sure])
            scores.append(score[0][sure])
        return torch.cat(logits), torch.cat(scores)
