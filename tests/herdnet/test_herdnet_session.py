"""A pruned session answers bit for bit as an unpruned one while its window covers the tracker's memory, and stays
small."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from herdnet.errors import PromptError
from herdnet.sam3_config import SmallTeacher, build_tracker, small_config
from herdnet.session import ObjectPrompt, SlidingWindow, Stream, Tracked, session_bytes

TINY = SmallTeacher(image_size=32, patch_size=8, channels=64, layers=2, window=2)


@pytest.fixture(scope="module")
def tracker() -> Any:
    torch.manual_seed(0)
    return build_tracker(small_config(TINY)).eval()


def frames(count: int, seed: int = 0) -> list[Tensor]:
    return list(torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed)))


def play(stream: Stream, images: list[Tensor], prompts: dict[int, list[ObjectPrompt]]) -> list[Tracked]:
    return [stream.step(image, prompts.get(t, [])) for t, image in enumerate(images)]


def assert_same(one: list[Tracked], other: list[Tracked]) -> None:
    for a, b in zip(one, other, strict=True):
        assert (a.frame, a.object_ids) == (b.frame, b.object_ids)
        assert torch.equal(a.logits, b.logits), f"masks differ in frame {a.frame}"
        assert torch.equal(a.scores, b.scores), f"scores differ in frame {a.frame}"


MASK = torch.zeros(32, 32, dtype=torch.bool)
MASK[8:20, 4:14] = True
BUSY = {
    1: [ObjectPrompt(10, points=[(8, 8)]), ObjectPrompt(11, box=(15, 15, 28, 25))],
    5: [ObjectPrompt(12, mask=MASK)],  # added mid-stream
    9: [ObjectPrompt(10, points=[(9, 9), (20, 3)], labels=[1, 0])],  # corrected
    24: [ObjectPrompt(13, points=[(25, 25)])],  # added when the first outputs are gone
    26: [ObjectPrompt(10, points=[(9, 9)])],
    27: [ObjectPrompt(10, points=[(10, 9)])],
    28: [ObjectPrompt(10, points=[(11, 9)])],
    29: [ObjectPrompt(10, points=[(12, 9)])],  # more prompted frames than the tracker attends to
    45: [ObjectPrompt(11, box=(14, 15, 27, 25)), ObjectPrompt(14, points=[(3, 28)])],
}


def test_a_covering_window_changes_no_bit(tracker: Any) -> None:
    images = frames(60)
    window = SlidingWindow.covering(tracker.config)
    assert window.covers(tracker.config)
    assert_same(play(Stream(tracker, window), images, BUSY), play(Stream(tracker, pruned=False), images, BUSY))


def test_a_window_too_small_does_change_results(tracker: Any) -> None:
    images = frames(30)
    covering = SlidingWindow.covering(tracker.config)
    window = SlidingWindow(covering.frames - 1)
    assert not window.covers(tracker.config)
    whole = play(Stream(tracker, pruned=False), images, BUSY)
    short = play(Stream(tracker, window), images, BUSY)
    assert_same(short[: window.frames], whole[: window.frames])
    assert any(not torch.equal(a.logits, b.logits) for a, b in zip(short, whole, strict=True))


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    prompts=st.dictionaries(
        st.integers(0, 27),
        st.lists(st.integers(0, 3), min_size=1, max_size=2, unique=True),
        min_size=1,
        max_size=6,
    ),
)
def test_whenever_and_whatever_is_prompted(tracker: Any, prompts: dict[int, list[int]]) -> None:
    asked = {t: [ObjectPrompt(i, points=[(5.0 * i + 3, 7.0 * i + 2)]) for i in ids] for t, ids in prompts.items()}
    window = SlidingWindow.covering(tracker.config)
    video = frames(28, seed=len(prompts))
    assert_same(play(Stream(tracker, window), video, asked), play(Stream(tracker, pruned=False), video, asked))


def test_memory_stays_as_it_was_once_the_window_is_full(tracker: Any) -> None:
    pruned, whole = Stream(tracker), Stream(tracker, pruned=False)
    sizes: dict[int, tuple[int, int]] = {}
    for t, image in enumerate(frames(50)):
        prompts = [ObjectPrompt(1, points=[(8, 8)]), ObjectPrompt(2, points=[(20, 20)])] if t == 0 else []
        pruned.step(image, prompts)
        whole.step(image, prompts)
        sizes[t] = (session_bytes(pruned.session), session_bytes(whole.session))
    assert sizes[49][0] == sizes[20][0]
    assert sizes[49][1] > 2 * sizes[20][1]
    held = pruned.session
    assert sorted(held.processed_frames or {}) == [49]
    for outputs in held.output_dict_per_obj.values():
        assert sorted(outputs["cond_frame_outputs"]) == [0]
        assert sorted(outputs["non_cond_frame_outputs"]) == list(range(34, 50))
    assert all(sorted(tracked) == list(range(34, 50)) for tracked in held.frames_tracked_per_obj.values())


def test_prompts_again_and_again_leave_pointers_only(tracker: Any) -> None:
    stream = Stream(tracker, SlidingWindow.covering(tracker.config))
    for t, image in enumerate(frames(60)):
        stream.step(image, [ObjectPrompt(1, points=[(8, 8)])] if t % 4 == 0 else [])
    prompted = stream.session.output_dict_per_obj[0]["cond_frame_outputs"]
    assert sorted(prompted) == list(range(0, 60, 4))  # conditioning frames are kept
    whole = [t for t, output in prompted.items() if "maskmem_features" in output]
    before = [t for t in whole if t < 60 - stream.window.frames]  # type: ignore[union-attr]
    assert len(before) == tracker.config.max_cond_frame_num
    assert stream.session.point_inputs_per_obj[0] == {}


def test_frames_before_the_first_prompt_cost_nothing(tracker: Any) -> None:
    stream = Stream(tracker)
    for image in frames(3):
        assert stream.step(image).object_ids == []
    assert session_bytes(stream.session) == 0
    assert stream.step(frames(1)[0], [ObjectPrompt(4, points=[(8, 8)])]).frame == 3


def test_prompts_are_in_pixels_of_the_frame(tracker: Any) -> None:
    square = torch.rand(3, 32, 1).expand(3, 32, 32)  # constant along x: stretching changes nothing
    wide = square.repeat_interleave(2, dim=2)
    one = Stream(tracker).step(square, [ObjectPrompt(1, box=(4, 6, 20, 24))])
    other = Stream(tracker).step(wide, [ObjectPrompt(1, box=(8, 6, 40, 24))])
    torch.testing.assert_close(one.logits, other.logits, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"points": [(1, 1)], "labels": [1, 0]},
        {"mask": MASK, "points": [(1, 1)]},
        {"mask": MASK, "box": (0, 0, 1, 1)},
    ],
)
def test_prompts_that_say_nothing_or_contradict_themselves_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(PromptError, match="object 1"):
        ObjectPrompt(1, **wrong)


def test_a_window_keeps_at_least_the_newest_frame() -> None:
    with pytest.raises(PromptError):
        SlidingWindow(0)
