"""MOTChallenge text, as trackers and annotation tools really write it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sequences import PATIENT
from trackeval_oracle import judge_files, ours

from herdbook.errors import FileFormatError
from herdbook.learning.formats.motchallenge import read_motchallenge
from herdbook.learning.metrics import evaluate_mot

PAIR = Path(__file__).parents[3] / "shared/data/footage/pair_gt.txt"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "tracks.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "line",
    [
        "3,7,1.5,2,30,40,1,-1,-1,-1",
        "3, 7, 1.5, 2, 30, 40",
        "3 7 1.5 2 30 40 0.97",
        "3\t7\t1.5\t2\t30\t40\t1\t1\t0.8",
        "3;7;1.5;2;30;40;1",
        "3.0,7.0,1.5,2,30,40,1,",
        "\ufeff3,7,1.5,2,30,40,1",
        "3,7,1.5,2,30,40,1\r",
    ],
)
def test_a_line_is_one_box_however_it_is_separated(tmp_path: Path, line: str) -> None:
    tracks = read_motchallenge(write(tmp_path, line, ""))
    assert (tracks.frames.tolist(), tracks.names, tracks.boxes.tolist()) == ([3], ("7",), [[1.5, 2, 30, 40]])


def test_in_ground_truth_boxes_with_confidence_0_do_not_count(tmp_path: Path) -> None:
    path = write(tmp_path, "1,1,0,0,9,9,1,1,1", "1,2,20,0,9,9,0,1,1", "1,3,40,0,9,9,0,8,0")
    assert len(read_motchallenge(path)) == 3
    tracks = read_motchallenge(path, truth=True)
    assert tracks.names == ("1",)
    assert tracks.remarks == ("2 boxes with confidence 0 do not count",)


def test_trackeval_leaves_out_the_same_boxes(tmp_path: Path) -> None:
    truth = tmp_path / "gt.txt"
    truth.write_text("1,1,0,0,9,9,1,1,1\n1,2,20,0,9,9,0,1,1\n2,1,0,0,9,9,1,1,1\n2,2,20,0,9,9,1,1,1\n")
    predicted = write(tmp_path, *(f"{f},{i},{20 * i - 20},0,9,9,-1,-1,-1,-1" for f in (1, 2) for i in (1, 2)))
    theirs = judge_files(truth, predicted, 2, tmp_path / "trackeval")
    mine = ours(evaluate_mot(read_motchallenge(truth, truth=True), read_motchallenge(predicted)))
    assert mine == pytest.approx({name: theirs[name] for name in mine})
    assert mine["CLR_FP"] == 1  # the prediction on the box that does not count


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("frame,id,x,y,w,h", "line 2: expected frame, id, x, y, width, height"),
        ("1,1,0,0,9", "line 2: expected"),
        ("1,1,0,0,9,9;oops", "line 2: expected"),
        ("1.5,1,0,0,9,9", "line 2: frame 1.5 is not a whole number"),
        ("1e300,1,0,0,9,9", "frame 1e.300 is not a whole number"),
        ("nan,1,0,0,9,9", "frame nan is not a whole number"),
        ("0,1,0,0,9,9", "frames count from 1"),
        ("1,-1,0,0,9,9", "id -1 says that nobody was identified"),
        ("2,1,0,0,9,nan", "not a finite number"),
        ("2,1,0,0,-9,9", "width and height must be above 0"),
        ("1,1,5,0,9,9", "the id occurs twice in the frame"),
    ],
)
def test_a_wrong_line_is_refused_with_its_place(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(FileFormatError, match=said):
        read_motchallenge(write(tmp_path, "1,1,0,0,9,9", line))


boxes = st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(1e-3, 1e4), st.floats(1e-3, 1e4))


@settings(PATIENT)
@given(rows=st.dictionaries(st.tuples(st.integers(1, 10**9), st.integers(0, 10**9)), boxes, min_size=1))
def test_what_is_written_is_read(
    rows: dict[tuple[int, int], tuple[float, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(
        tmp_path_factory.mktemp("mot"), *(",".join(map(repr, (*key, *box, 1, -1))) for key, box in rows.items())
    )
    tracks = read_motchallenge(path)
    read = zip(tracks.frames.tolist(), tracks.ids.tolist(), tracks.boxes.tolist(), strict=True)
    assert {(frame, int(tracks.names[i])): tuple(box) for frame, i, box in read} == rows


def test_real_ground_truth_of_two_animals_over_a_minute() -> None:
    if not PAIR.is_file():
        pytest.skip(f"the reference data {PAIR.name} is not here")
    tracks = read_motchallenge(PAIR, truth=True)
    assert len(tracks) == 3000
    assert (tracks.frames[0], tracks.frames[-1], tracks.names) == (1, 1500, ("1", "2"))
