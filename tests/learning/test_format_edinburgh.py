"""Edinburgh output.json: a log of changes, and what its gaps and contradictions mean (docs/adr/0011)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sequences import PATIENT

from herdbook.contracts.ethogram import load_ethogram
from herdbook.errors import FileFormatError, HerdbookError
from herdbook.learning.formats import Tracks
from herdbook.learning.formats.edinburgh import read_edinburgh
from herdbook.learning.metrics import evaluate_mot

REAL = Path(__file__).parents[3] / "shared/data/edinburgh-format"


def entry(frame: int, x: float = 0, **more: Any) -> dict[str, Any]:
    return {"frameNumber": frame, "bbox": {"x": x, "y": 0, "width": 10, "height": 10}, "visible": True} | more


def write(folder: Path, *animals: list[dict[str, Any]], times: int | None = None) -> Path:
    path = folder / "output.json"
    objects = [{"id": str(i), "frames": frames} for i, frames in enumerate(animals)]
    path.write_text(json.dumps({"videoFileName": "color.mp4", "objects": objects}))
    if times is not None:
        path.with_name("times.txt").write_text("".join(f"{1572937200 + i / 6:.3f}\n" for i in range(times)))
    return path


def xs(tracks: Tracks) -> dict[int, float]:
    """Annotated frame → x of its only box."""
    return dict(zip(((tracks.frames - 1) // 3).tolist(), tracks.boxes[:, 0].tolist(), strict=True))


# -- the log ---------------------------------------------------------------------------------------------------------


def test_an_entry_holds_until_the_next_and_the_last_to_the_end(tmp_path: Path) -> None:
    tracks = read_edinburgh(write(tmp_path, [entry(1, 5), entry(3, 7)]), frames=6)
    assert xs(tracks) == {1: 5, 2: 5, 3: 7, 4: 7, 5: 7}


def test_a_frame_number_is_every_third_video_frame_counted_from_1(tmp_path: Path) -> None:
    tracks = read_edinburgh(write(tmp_path, [entry(0)]), frames=3)
    assert tracks.frames.tolist() == [1, 4, 7]
    assert tracks.stated is not None
    assert tracks.stated.tolist() == [1, 4, 7]


def test_what_an_entry_leaves_out_stays_as_it_was(tmp_path: Path) -> None:
    frames = [entry(0, 5, behaviour="eat"), {"frameNumber": 1, "behaviour": "walk"}, entry(2, 8)]
    tracks = read_edinburgh(write(tmp_path, frames), frames=3)
    assert xs(tracks) == {0: 5, 1: 5, 2: 8}
    assert tracks.behaviours == ("eat", "walk", "walk")


@pytest.mark.parametrize("hidden", [{"visible": False}, {"bbox": None}])
def test_an_animal_out_of_sight_has_no_box_until_it_is_seen_again(tmp_path: Path, hidden: dict[str, Any]) -> None:
    tracks = read_edinburgh(write(tmp_path, [entry(0, 5), entry(1, 6) | hidden, entry(3, 7)]), frames=4)
    assert xs(tracks) == {0: 5, 3: 7}


def test_an_animal_seen_again_without_a_new_box_has_its_last_one(tmp_path: Path) -> None:
    frames = [entry(0, 5), {"frameNumber": 1, "visible": False}, {"frameNumber": 2, "visible": True}]
    assert xs(read_edinburgh(write(tmp_path, frames), frames=3)) == {0: 5, 2: 5}


def test_of_several_entries_at_one_frame_the_last_in_the_file_holds(tmp_path: Path) -> None:
    frames = [entry(0, 1, behaviour="eat"), entry(0, 2, behaviour="drink"), entry(0, 3, behaviour="eat"), entry(1, 4)]
    tracks = read_edinburgh(write(tmp_path, frames), frames=2)
    assert xs(tracks) == {0: 3, 1: 4}
    assert tracks.remarks == ("2 entries were overwritten by a later one at the same frame",)


def test_entries_in_any_order_are_applied_in_the_order_of_frames(tmp_path: Path) -> None:
    tracks = read_edinburgh(write(tmp_path, [entry(2, 7), entry(0, 5)]), frames=3)
    assert xs(tracks) == {0: 5, 1: 5, 2: 7}
    assert tracks.remarks == ("entries were not in the order of their frames",)


def test_a_file_without_animals_has_no_boxes(tmp_path: Path) -> None:
    tracks = read_edinburgh(write(tmp_path), frames=2)
    assert (len(tracks), tracks.names) == (0, ())


states = st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.sampled_from(("eat", "walk", None))), min_size=20)


@given(states=states)
@settings(PATIENT, max_examples=50)
def test_writing_only_changes_and_reading_them_gives_every_frame_back(
    states: list[tuple[int, bool, str | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    log: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    for frame, (x, visible, behaviour) in enumerate(states):
        state = entry(frame, x, visible=visible, behaviour=behaviour)
        changes = {key: value for key, value in state.items() if before.get(key, "unset") != value}
        if set(changes) > {"frameNumber"}:
            log.append(changes)
        before = state
    tracks = read_edinburgh(write(tmp_path_factory.mktemp("log"), log), frames=len(states))
    assert xs(tracks) == {frame: x for frame, (x, visible, _) in enumerate(states) if visible}
    assert tracks.behaviours == tuple(behaviour for _, visible, behaviour in states if visible)


# -- where the clip ends ---------------------------------------------------------------------------------------------


def test_without_more_knowledge_a_clip_has_600_annotated_frames(tmp_path: Path) -> None:
    assert len(read_edinburgh(write(tmp_path, [entry(590)]))) == 10


def test_a_file_that_goes_on_makes_the_clip_longer(tmp_path: Path) -> None:
    assert len(read_edinburgh(write(tmp_path, [entry(0)], [entry(700)]))) == 701 + 1


@pytest.mark.parametrize(("video_frames", "annotated"), [(1800, 600), (1799, 600), (1798, 600), (1797, 599), (4, 2)])
def test_times_txt_says_where_the_clip_ends(tmp_path: Path, video_frames: int, annotated: int) -> None:
    assert len(read_edinburgh(write(tmp_path, [entry(0)], times=video_frames))) == annotated


def test_a_clip_folder_is_read_by_its_output_json(tmp_path: Path) -> None:
    write(tmp_path, [entry(0)], times=9)
    assert len(read_edinburgh(tmp_path)) == 3


def test_entries_after_the_end_of_times_txt_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="frame 5 lies after the clip's end, which has 3 annotated frames"):
        read_edinburgh(write(tmp_path, [entry(0), entry(5)], times=9))


# -- behaviours ------------------------------------------------------------------------------------------------------


def test_behaviours_are_raw_or_those_of_an_ethogram(tmp_path: Path) -> None:
    path = write(tmp_path, [entry(0, behaviour="run"), entry(1, behaviour="tail-biting"), entry(2, behaviour=None)])
    assert read_edinburgh(path, frames=3).behaviours == ("run", "tail-biting", None)
    assert read_edinburgh(path, frames=3, ethogram=load_ethogram("pig-9")).behaviours == ("walking", "social", None)


def test_a_behaviour_that_the_ethogram_does_not_know_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, [entry(0, behaviour="dance")])
    with pytest.raises(FileFormatError, match="object 0, frame 0: ethogram pig-9 does not know the behaviour 'dance'"):
        read_edinburgh(path, ethogram=load_ethogram("pig-9"))


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ("{}", "objects: Input should be a valid array"),
        ('[{"frames": []}]', "objects.0.id: Field required"),
        ('[{"id": "a", "frames": [{"frameNumber": -1}]}]', "objects.0.frames.0.frameNumber: .*greater than or equal"),
        ('[{"id": "a", "frames": [{"frameNumber": 1e99}]}]', "objects.0.frames.0.frameNumber"),
        ('[{"id": "a", "frames": [{"frameNumber": 999999999}]}]', "frameNumber: Input should be less than 1000000"),
        ('[{"id": "a", "frames": [{"frameNumber": 1}]}]', "object a, frame 1: visible, but it has no bbox yet"),
        ('[{"id": "a", "frames": [{"frameNumber": 1, "bbox": [1, 2, 3, 4]}]}]', "objects.0.frames.0.bbox"),
        (
            '[{"id": "a", "frames": [{"frameNumber": 1, "bbox": {"x": NaN, "y": 0, "width": 1, "height": 1}}]}]',
            "bbox.x: Input should be a finite number",
        ),
        (
            '[{"id": "a", "frames": [{"frameNumber": 1, "bbox": {"x": 0, "y": 0, "width": -1, "height": 1}}]}]',
            "bbox.width: Input should be greater than 0",
        ),
        ('[{"id": "a", "frames": []}, {"id": "a", "frames": []}]', "two objects have the id a"),
        ('[{"id": "a", "frames": [', "Invalid JSON"),
        ("[" * 100_000, "Invalid JSON: recursion limit exceeded"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, objects: str, said: str) -> None:
    path = tmp_path / "output.json"
    path.write_text(f'{{"objects": {objects}}}' if objects.count("[") < 9 else f'{{"objects": {objects}')
    with pytest.raises(FileFormatError, match=said):
        read_edinburgh(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
loose_entries = st.fixed_dictionaries(
    {"frameNumber": st.integers(-2, 700) | json_values},
    optional={
        "bbox": st.fixed_dictionaries({k: st.integers(-5, 50) for k in ("x", "y", "width", "height")}) | json_values,
        "visible": st.booleans() | json_values,
        "behaviour": st.sampled_from(("eat", "walk")) | json_values,
    },
)
loose_objects = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 3) | json_values, "frames": st.lists(loose_entries, max_size=4)}),
    max_size=3,
)


@given(objects=loose_objects | json_values)
@settings(PATIENT, max_examples=120)
def test_whatever_the_file_says_it_is_read_or_refused(objects: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("loose") / "output.json"
    path.write_text(json.dumps({"objects": objects}))
    try:
        tracks = read_edinburgh(path)
    except HerdbookError:
        return
    assert tracks.behaviours is not None
    assert len(tracks) == len(tracks.behaviours)
    assert np.isfinite(tracks.boxes).all()


# -- the twelve real files -------------------------------------------------------------------------------------------

real_files = sorted(REAL.glob("*.json")) or [
    pytest.param(REAL, marks=pytest.mark.skip(reason="the reference data edinburgh-format is not here"))
]


@pytest.mark.parametrize("path", real_files, ids=lambda path: path.name)
def test_each_real_file_is_read(path: Path) -> None:
    raw = json.loads(path.read_text())["objects"]
    tracks = read_edinburgh(path, ethogram=load_ethogram("pig-9"))
    assert tracks.names == tuple(sorted(animal["id"] for animal in raw))
    assert len(tracks) == sum(600 - min(e["frameNumber"] for e in animal["frames"]) for animal in raw)
    assert set(tracks.behaviours or ()) <= set(load_ethogram("pig-9").names)
    for animal in raw:
        last = animal["frames"][-1]
        row = (tracks.frames == 3 * 599 + 1) & (tracks.ids == tracks.names.index(animal["id"]))
        assert tracks.boxes[row].tolist() == [[float(last["bbox"][k]) for k in ("x", "y", "width", "height")]]
    if raw:
        assert evaluate_mot(tracks, tracks).clear.mota == 1


def test_twelve_files_are_there() -> None:
    if not REAL.is_dir():
        pytest.skip("the reference data edinburgh-format is not here")
    assert len(real_files) == 12
