"""What every source of tracks must keep to, whatever its format."""

from __future__ import annotations

import numpy as np
import pytest

from herdbook.errors import FileFormatError
from herdbook.learning.formats import Tracks

BOX = [0.0, 0.0, 10.0, 10.0]


def made(frames: list[int], ids: list[str], boxes: list[list[float]]) -> Tracks:
    return Tracks.checked("some.file", frames, ids, boxes)


def test_rows_come_in_the_order_of_frame_then_id() -> None:
    tracks = made([2, 1, 1], ["a", "b", "a"], [[1, 0, 1, 1], [2, 0, 1, 1], [3, 0, 1, 1]])
    assert tracks.frames.tolist() == [1, 1, 2]
    assert [tracks.names[i] for i in tracks.ids] == ["a", "b", "a"]
    assert tracks.boxes[:, 0].tolist() == [3, 2, 1]


def test_no_rows_are_tracks_too() -> None:
    assert len(made([], [], [])) == 0


@pytest.mark.parametrize(
    ("frames", "ids", "boxes", "said"),
    [
        ([0], ["a"], [BOX], "frame 0, id a: frames count from 1"),
        ([1], ["a"], [[0, np.nan, 10, 10]], "frame 1, id a: a coordinate is not a finite number"),
        ([1], ["a"], [[0, 0, np.inf, 10]], "not a finite number"),
        ([1], ["a"], [[0, 0, -10, 10]], "width and height must be above 0"),
        ([1], ["a"], [[0, 0, 10, 0]], "width and height must be above 0"),
        ([4, 4], ["a", "a"], [BOX, BOX], "frame 4, id a: the id occurs twice in the frame"),
        ([4, 4, 5, 5], ["a", "a", "b", "b"], [BOX] * 4, r"\(and 1 more\)"),
    ],
)
def test_a_box_that_cannot_be_is_refused_with_file_frame_and_id(
    frames: list[int], ids: list[str], boxes: list[list[float]], said: str
) -> None:
    with pytest.raises(FileFormatError, match=f"some.file: .*{said}"):
        made(frames, ids, boxes)
