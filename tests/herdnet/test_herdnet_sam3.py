"""The teacher answers backbone targets, masks, animals and tracks; its weights come from safetensors, or a clear
error."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import CLIPTokenizer, Sam3ImageProcessor, Sam3TrackerConfig, Sam3TrackerModel, Sam3VideoModel
from transformers.models.sam3_video.configuration_sam3_video import Sam3VideoConfig

from herdnet.errors import PromptError, ShapeError, WeightsUnavailableError
from herdnet.prompts import Prompts, masks_from_features
from herdnet.sam3 import Teacher
from herdnet.sam3_config import SmallTeacher, full_config, small_config

TINY = SmallTeacher(image_size=64, patch_size=16, channels=64, layers=2, window=2)


@pytest.fixture(scope="module")
def tiny() -> Teacher:
    torch.manual_seed(0)
    return Teacher.small(TINY).eval()


def test_backbone_targets_at_full_size_are_1024_by_72_by_72() -> None:
    from transformers import Sam3TrackerVideoModel

    with torch.device("meta"):
        teacher = Teacher(Sam3TrackerVideoModel(full_config()))
        features = teacher.features(torch.empty(1, 3, 1008, 1008))
    assert tuple(features.shape) == (1, 1024, 72, 72) == (1, teacher.channels, teacher.grid, teacher.grid)


def test_images_are_prepared_as_sam3s_own_processor_does() -> None:
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 90, 160), dtype=np.uint8))
    side = TINY.image_size
    theirs = Sam3ImageProcessor(size={"height": side, "width": side})(image, return_tensors="pt")["pixel_values"]
    ours = Teacher.small(TINY).prepare(image[None] / 255)
    assert (theirs - ours).abs().max() <= 1.01 * 2 / 255  # theirs rounds to bytes after resizing


def test_a_small_teacher_sees_a_frame_in_well_under_a_second() -> None:
    teacher = Teacher.small().eval()
    image = torch.rand(1, 3, 144, 256)
    prompts = Prompts(points=torch.tensor([[[[50.0, 60.0]], [[90.0, 20.0]]]]))
    with torch.no_grad():
        teacher.masks(image, prompts)
        began = time.process_time()  # this process's own time: what others do on this machine does not count
        masks = teacher.masks(image, prompts)
        seconds = time.process_time() - began
    assert seconds < 1
    assert tuple(masks.logits.shape) == (1, 2, 1, 128, 128)
    assert tuple(teacher.features(image).shape) == (1, 192, 32, 32)


def test_a_loss_on_masks_trains_everything_but_the_memory() -> None:
    teacher = Teacher.small(TINY).train()
    boxes = torch.tensor([[[10.0, 10.0, 30.0, 30.0]]])
    image = torch.rand(1, 3, 64, 64)
    by_point = teacher(image, Prompts(points=boxes[:, :, None, :2]))
    by_box = teacher(image, Prompts(boxes=boxes))
    sum(m.logits.square().mean() + m.iou.mean() + m.object_logits.mean() for m in (by_point, by_box)).backward()
    silent = {name.split(".")[0] for name, p in teacher.tracker.named_parameters() if p.grad is None}
    assert "vision_encoder" not in {
        name.split(".")[0]
        for name, p in teacher.tracker.named_parameters()
        if p.grad is None and "fpn_layers.3" not in name
    }
    assert {"memory_attention", "memory_encoder"} <= silent
    assert "mask_decoder" not in silent


def test_points_move_with_the_image_they_are_given_in(tiny: Teacher) -> None:
    image = torch.rand(1, 3, 64, 1).expand(-1, -1, -1, 64)  # the same at any width
    wide = torch.nn.functional.interpolate(image, (64, 128), mode="nearest")
    with torch.no_grad():
        one = tiny.masks(image, Prompts(points=torch.tensor([[[[20.0, 30.0]]]])))
        other = tiny.masks(wide, Prompts(points=torch.tensor([[[[40.0, 30.0]]]])))
    torch.testing.assert_close(one.logits, other.logits, atol=1e-3, rtol=1e-3)


def test_masks_are_those_of_the_image_tracker_except_for_the_embedding_it_misplaces(tiny: Teacher) -> None:
    """Sam3TrackerModel adds `no_memory_embedding` to a level that nothing reads; at zero, both must agree."""
    config = tiny.tracker.config
    parts = {
        name: {k: v for k, v in getattr(config, name).to_dict().items() if name == "vision_config" or k != "model_type"}
        for name in ("vision_config", "prompt_encoder_config", "mask_decoder_config")
    }
    image_tracker = Sam3TrackerModel(Sam3TrackerConfig(**parts)).eval()
    image_tracker.load_state_dict(tiny.tracker.state_dict(), strict=False)
    pixels, points = torch.rand(1, 3, 64, 64), torch.tensor([[[[20.0, 30.0]], [[50.0, 9.0]]]])
    with torch.no_grad():
        kept = tiny.tracker.no_memory_embedding.clone()
        tiny.tracker.no_memory_embedding.zero_()
        ours = tiny.masks(pixels, Prompts(points=points), several=True)
        tiny.tracker.no_memory_embedding.copy_(kept)
        theirs = image_tracker(tiny.prepare(pixels), input_points=points, multimask_output=True)
    torch.testing.assert_close(ours.logits, theirs.pred_masks)
    torch.testing.assert_close(ours.iou, theirs.iou_scores)


def test_animals_are_found_without_words(tiny: Teacher) -> None:
    found = tiny.find(torch.rand(3, 36, 64), points_per_side=6, threshold=0.0)
    assert found.masks.shape[1:] == (36, 64)
    assert len(found) == len(found.scores) == len(found.boxes)
    assert (found.scores.diff() <= 0).all()
    assert len(tiny.find(torch.rand(3, 36, 64), points_per_side=6, threshold=1.0)) == 0


def test_words_need_the_detector(tiny: Teacher) -> None:
    with pytest.raises(PromptError, match="'pig'"):
        tiny.find(torch.rand(3, 36, 64), "pig")


def test_saved_weights_are_read_back(tiny: Teacher, tmp_path: Path) -> None:
    tiny.save(tmp_path / "teacher")
    again = Teacher.load(tmp_path / "teacher")
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(again.features(image), tiny.features(image), rtol=0, atol=0)
        points = Prompts(points=torch.full((1, 1, 1, 2), 30.0))
        torch.testing.assert_close(again.masks(image, points).logits, tiny.masks(image, points).logits, rtol=0, atol=0)
    assert [p.suffix for p in (tmp_path / "teacher").iterdir() if p.name != "config.json"] == [".safetensors"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like SAM 3's own: one file with detector, tracker and its neck, a `sam3_video` config and a
    tokenizer."""
    folder = tmp_path_factory.mktemp("sam3")
    tracker = small_config(TINY).to_dict()
    width, size = 128, {"hidden_size": 128, "intermediate_size": 128, "num_layers": 1, "num_attention_heads": 2}
    detector = {
        "model_type": "sam3",
        "vision_config": tracker["vision_config"],
        "text_config": {
            "model_type": "clip_text_model",
            "vocab_size": 64,
            "hidden_size": 64,
            "intermediate_size": 64,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "max_position_embeddings": 32,
            "projection_dim": 32,
        },
        "geometry_encoder_config": size,
        "detr_encoder_config": size,
        "detr_decoder_config": size | {"num_queries": 5},
        "mask_decoder_config": {"hidden_size": width, "num_attention_heads": 2},
    }
    torch.manual_seed(1)
    Sam3VideoModel(Sam3VideoConfig(detector_config=detector, tracker_config=tracker)).save_pretrained(folder)
    letters = [*"abcdefghijklmnopqrstuvwxyz", *(f"{c}</w>" for c in "abcdefghijklmnopqrstuvwxyz")]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, "pi", "pig</w>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\np i\npi g</w>\n")
    CLIPTokenizer.from_pretrained(folder).save_pretrained(folder)
    return folder


def test_a_checkpoint_in_sam3s_layout_answers_words_and_points(checkpoint: Path) -> None:
    teacher = Teacher.load(checkpoint, text=True)
    assert teacher.detector is not None
    assert teacher.detector.vision_encoder.backbone is teacher.tracker.vision_encoder.backbone
    found = teacher.find(torch.rand(3, 36, 64), "pig", threshold=0.0, overlap=1.0)
    assert found.masks.shape[1:] == (36, 64)
    whole = Sam3VideoModel.from_pretrained(checkpoint).eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        features = teacher.features(image)
        theirs = whole.detector_model.vision_encoder(teacher.prepare(image)).last_hidden_state
        torch.testing.assert_close(features.flatten(2).transpose(1, 2), theirs, rtol=0, atol=0)
        masks = masks_from_features(teacher.tracker, features, Prompts(points=torch.full((1, 1, 1, 2), 30.0)))
    assert torch.isfinite(masks.logits).all()


@pytest.mark.parametrize("what", ["absent", "empty", "pickled", "broken", "other"])
def test_weights_that_cannot_be_had_say_how_to_get_them(what: str, tmp_path: Path, tiny: Teacher) -> None:
    folder = tmp_path / what
    if what != "absent":
        folder.mkdir()
    if what == "pickled":
        torch.save(tiny.tracker.state_dict(), folder / "pytorch_model.bin")
        tiny.tracker.config.save_pretrained(folder)
    if what in {"broken", "other"}:
        tiny.save(folder)
        weights = folder / "model.safetensors"
        if what == "broken":
            weights.write_bytes(weights.read_bytes()[:1000])
        else:
            from safetensors.torch import save_file

            save_file({"weight": torch.zeros(1)}, weights, metadata={"format": "pt"})
    with pytest.raises(WeightsUnavailableError) as caught:
        Teacher.load(folder)
    assert "gated" in caught.value.remedy
    assert "\n" not in caught.value.message


def test_without_a_network_the_hub_is_the_same_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsUnavailableError, match="facebook/sam3"):
        Teacher.load("facebook/sam3")


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"points": torch.zeros(1, 1, 2)},
        {"boxes": torch.zeros(1, 4)},
        {"points": torch.zeros(1, 2, 1, 2), "labels": torch.zeros(1, 2)},
        {"labels": torch.zeros(1, 1, 1), "boxes": torch.zeros(1, 1, 4)},
        {"points": torch.zeros(1, 2, 1, 2), "boxes": torch.zeros(1, 1, 4)},
    ],
)
def test_prompts_that_say_nothing_or_contradict_themselves_are_refused(wrong: dict[str, torch.Tensor]) -> None:
    with pytest.raises(PromptError):
        Prompts(**wrong)


def test_images_and_features_of_the_wrong_shape_are_refused(tiny: Teacher) -> None:
    with pytest.raises(ShapeError):
        tiny.features(torch.rand(3, 64, 64))
    with pytest.raises(ShapeError):
        tiny.find(torch.rand(1, 3, 64, 64))
    with pytest.raises(ShapeError):
        tiny.masks_from_features(torch.rand(1, 64, 5, 5), Prompts(boxes=torch.zeros(1, 1, 4)))
