"""COCO and CVAT out and back: nothing that an annotator drew or noted is lost on the way."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.contracts.ethogram import load_ethogram
from herdbook.errors import BoxOutsideFrameError, EmptyDatasetError, FileFormatError, HerdbookError, UnknownClassError
from herdbook.learning.formats.annotations import Annotations, Picture, Shape, bounds_of
from herdbook.learning.formats.checks import checked
from herdbook.learning.formats.coco import coco_bytes, parse_coco
from herdbook.learning.formats.cvat import parse_cvat
from herdbook.learning.formats.cvat_write import cvat_bytes
from herdbook.learning.formats.packages import (
    AnnotationFormat,
    detect_annotations,
    open_pictures,
    read_annotations,
    write_package,
)
from herdbook.learning.formats.rle import Rle, counts_from_text, fill_polygons

SIZE = 16, 12
PIG9 = load_ethogram("pig-9")
SHARED = Path(__file__).parents[3] / "shared" / "data"

quarters = st.integers(0, 40).map(lambda k: k / 4)
words = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=8)
values = st.one_of(words, st.booleans(), st.integers(-99, 99), st.integers(-9, 9).map(lambda k: k + 0.5))
masks = st.lists(st.booleans(), min_size=SIZE[0] * SIZE[1], max_size=SIZE[0] * SIZE[1]).map(
    lambda bits: np.array(bits).reshape(SIZE[1], SIZE[0])
)
polygons = st.lists(st.tuples(quarters, quarters), min_size=3, max_size=6).map(
    lambda corners: tuple(v for corner in corners for v in corner)
)


@st.composite
def shapes(draw: st.DrawFn, picture: str, label: str, kinds: dict[str, type]) -> Shape:
    track = draw(st.none() | st.sampled_from("ABC"))
    attributes = {name: draw(values.filter(lambda v, kind=kind: type(v) is kind)) for name, kind in kinds.items()}
    given_ = {
        "track": track,
        "occluded": draw(st.booleans()),
        "attributes": attributes,
    }
    match draw(st.sampled_from(("box", "outline", "mask"))):
        case "box":
            box = (draw(quarters), draw(quarters), draw(quarters) + 0.25, draw(quarters) + 0.25)
            return Shape(picture, label, box, **given_)
        case "outline":
            outline = tuple(draw(st.lists(polygons, min_size=1, max_size=3)))
            return Shape(picture, label, bounds_of(outline), outline, **given_)
        case _:
            mask = draw(masks)
            mask[0, 0] = True
            rle = Rle.encode(mask)
            return Shape(picture, label, rle.bounds(), mask=rle, **given_)


@st.composite
def annotations(draw: st.DrawFn) -> Annotations:
    pictures = [Picture(f"{name}.png", *SIZE) for name in draw(st.lists(words, max_size=3, unique=True))]
    names = ("pig", "person")
    kinds = {name: draw(st.sampled_from((str, bool, int, float))) for name in ("behaviour", "lame")}
    found = [
        draw(shapes(picture.name, draw(st.sampled_from(names)), kinds))
        for picture in pictures
        for _ in range(draw(st.integers(0, 3)))
    ]
    return Annotations("drawn", tuple(pictures), names, tuple(found))


def content(given_: Annotations) -> Any:
    """What must not be lost: everything but a format's own extras."""
    empty = MappingProxyType({})
    return (
        [replace(p, extra=empty) for p in given_.pictures],
        given_.labels,
        [replace(s, extra=empty, attributes=dict(s.attributes)) for s in given_.shapes],
    )


@given(annotations())
@settings(max_examples=60)
def test_coco_out_and_back(drawn: Annotations) -> None:
    assert content(parse_coco(coco_bytes(drawn), "back")) == content(drawn)


@given(annotations())
@settings(max_examples=60)
def test_cvat_out_and_back(drawn: Annotations) -> None:
    assert content(parse_cvat(cvat_bytes(drawn, video=False).decode(), "back")) == content(drawn)


@given(annotations())
@settings(max_examples=30)
def test_from_one_tool_to_the_other_and_back(drawn: Annotations) -> None:
    through = parse_cvat(cvat_bytes(parse_coco(coco_bytes(drawn), "coco"), video=False).decode(), "cvat")
    assert content(parse_coco(coco_bytes(through), "back")) == content(drawn)


@given(st.dictionaries(st.tuples(st.sampled_from("AB"), st.integers(0, 5)), st.tuples(quarters, quarters), min_size=1))
def test_a_video_out_and_back_keeps_presence_and_absence(places: dict[tuple[str, int], tuple[float, float]]) -> None:
    pictures = tuple(Picture(f"frame_{k + 1:06d}", *SIZE) for k in range(6))
    found = tuple(
        Shape(f"frame_{k + 1:06d}", "pig", (x, y, 1.0, 2.0), track=who) for (who, k), (x, y) in sorted(places.items())
    )
    back = parse_cvat(cvat_bytes(Annotations("v", pictures, ("pig",), found), video=True).decode(), "back")
    assert content(back) == content(Annotations("v", pictures, ("pig",), found))


def test_what_a_coco_file_says_beside_comes_back_too() -> None:
    said = {
        "info": {"year": 2026},
        "licenses": [{"id": 3, "name": "CC BY"}],
        "images": [{"id": 7, "file_name": "a/b.png", "width": 4, "height": 3, "date_captured": "x", "license": 3}],
        "annotations": [
            {
                "id": 9,
                "image_id": 7,
                "category_id": 5,
                "bbox": [0, 0.5, 2, 2],
                "area": 3.5,
                "iscrowd": 0,
                "segmentation": [[0.0, 0.5, 2.0, 0.5, 2.0, 2.5]],
                "attributes": {"occluded": False, "track_id": 4, "behaviour": "lying", "score": 2},
                "keypoints": [1, 2, 2],
            }
        ],
        "categories": [{"id": 5, "name": "pig", "supercategory": "animal"}, {"id": 6, "name": "person"}],
    }
    assert json.loads(coco_bytes(parse_coco(json.dumps(said).encode(), "x"))) == said


def test_compressed_masks_are_those_of_the_reference_implementation() -> None:
    reference = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(0)
    for density in (0.0, 0.02, 0.5, 1.0):
        mask = rng.random((37, 53)) < density
        packed = reference.encode(np.asfortranarray(mask.astype(np.uint8)))
        counts = counts_from_text("x", packed["counts"].decode())
        assert tuple(counts) == Rle.encode(mask).counts
        assert (Rle.checked("x", 37, 53, counts).decode() == mask).all()


def test_an_outline_fills_the_pixels_whose_centre_it_holds() -> None:
    filled = fill_polygons(((1.0, 1.0, 4.0, 1.0, 4.0, 3.0, 1.0, 3.0),), 5, 6)
    expected = np.zeros((5, 6), dtype=bool)
    expected[1:3, 1:4] = True
    assert (filled == expected).all()


CVAT_VIDEO = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><size>8</size><mode>interpolation</mode>
<original_size><width>100</width><height>80</height></original_size></task></meta>
<track id="0" label="pig" source="manual">
<box frame="0" outside="0" occluded="0" keyframe="1" xtl="0" ytl="0" xbr="10" ybr="10" z_order="0"></box>
<box frame="4" outside="0" occluded="1" keyframe="1" xtl="40" ytl="8" xbr="54" ybr="18" z_order="0"></box>
<box frame="5" outside="1" occluded="0" keyframe="1" xtl="40" ytl="8" xbr="54" ybr="18" z_order="0"></box>
</track></annotations>"""


def test_boxes_between_the_key_frames_of_a_video_are_interpolated() -> None:
    found = {shape.picture: shape.box for shape in parse_cvat(CVAT_VIDEO, "x").shapes}
    assert len(found) == 5
    assert found["frame_000003"] == (20.0, 4.0, 12.0, 10.0)
    assert len(parse_cvat(CVAT_VIDEO, "x").pictures) == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<annotations><version>1.1</version><image id='0' name='a' width='4' height='4'><points/></image>", "not XML"),
        (
            "<annotations><version>1.1</version><image name='a' width='4' height='4'><points label='x'/></image>"
            "</annotations>",
            "points",
        ),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><annotations/>", "document type"),
        ("<other/>", "not CVAT"),
        ("<annotations><version>1.1</version><image name='a' width='4'/></annotations>", "height"),
    ],
)
def test_what_is_not_cvat_is_said(text: str, said: str) -> None:
    with pytest.raises(FileFormatError, match=said):
        parse_cvat(text, "file.xml")


def one(box: tuple[float, float, float, float], label: str = "pig", **attributes: str) -> Annotations:
    shape = Shape("a.png", label, box, attributes=attributes)
    return Annotations("x.json", (Picture("a.png", *SIZE),), (label,), (shape,))


def test_a_box_outside_the_frame_is_refused_or_cut_on_request_never_dropped() -> None:
    with pytest.raises(BoxOutsideFrameError, match="1 such boxes"):
        checked(one((10, 2, 9, 5)), PIG9)
    cut = checked(one((10, 2, 9, 5)), PIG9, cut=True)
    assert cut.shapes[0].box == (10, 2, 6, 5)
    assert cut.remarks == ("1 boxes were cut at the frame's edge",)
    with pytest.raises(BoxOutsideFrameError):
        checked(one((20, 2, 9, 5)), PIG9, cut=True)
    assert checked(one((10, 2, 6.5, 5)), PIG9).shapes[0].box == (10, 2, 6, 5)  # rounding


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (Annotations("x", (), (), ()), EmptyDatasetError),
        (Annotations("x", (Picture("a", 4, 4),), ("pig",), ()), EmptyDatasetError),
        (one((1, 1, 2, 2), "cow"), UnknownClassError),
        (one((1, 1, 2, 2), behaviour="flying"), UnknownClassError),
        (one((1, 1, 0, 2)), FileFormatError),
        (one((1, 1, float("nan"), 2)), FileFormatError),
    ],
    ids=["nothing", "nothing drawn", "class", "behaviour", "no area", "not a number"],
)
def test_bad_annotations_are_one_clear_error(bad: Annotations, error: type[HerdbookError]) -> None:
    with pytest.raises(error):
        checked(bad, PIG9)


def test_raw_behaviours_and_other_names_become_the_ethograms() -> None:
    taken = checked(one((1, 1, 2, 2), "swine", behaviour="sleep"), PIG9, rename={"swine": "pig"})
    assert (taken.shapes[0].label, taken.shapes[0].attributes["behaviour"]) == ("pig", "sleeping")


def test_a_zip_carries_its_pictures(tmp_path: Path) -> None:
    drawn = one((1, 1, 2, 2))
    for name in (AnnotationFormat.COCO, AnnotationFormat.CVAT):
        path = tmp_path / f"{name.value}.zip"
        write_package(path, drawn, name, [("a.png", b"PNG")])
        assert detect_annotations(path) is name
        assert content(read_annotations(path)) == content(drawn)
        with open_pictures(path) as pictures:
            assert pictures("a.png") == b"PNG"
            assert pictures("b.png") is None


def test_a_damaged_zip_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("annotations.xml", "<annotations/>" * 50)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileFormatError, match="not a whole zip"):
        read_annotations(path)


def yolo(folder: Path, *lines: str) -> Path:
    from PIL import Image

    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    Image.new("RGB", (40, 20)).save(folder / "images" / "a.png")
    Image.new("RGB", (40, 20)).save(folder / "images" / "b.png")
    (folder / "data.yaml").write_text("names: {0: pig, 1: person}\n")
    (folder / "labels" / "a.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder


def test_yolo_boxes_and_outlines(tmp_path: Path) -> None:
    found = read_annotations(yolo(tmp_path, "0 0.5 0.5 0.25 0.5", "1 0 0 0.5 0 0.5 1"))
    assert [(s.label, s.box) for s in found.shapes] == [("pig", (15, 5, 10, 10)), ("person", (0, 0, 20, 20))]
    assert [p.name for p in found.pictures] == ["images/a.png", "images/b.png"]


@pytest.mark.parametrize("line", ["2 0.5 0.5 0.1 0.1", "0 0.5 0.5", "pig 0.1 0.1 0.1 0.1", "-1 0.5 0.5 0.1 0.1"])
def test_a_line_that_is_no_yolo_box_is_said(tmp_path: Path, line: str) -> None:
    with pytest.raises(FileFormatError, match="line 1"):
        read_annotations(yolo(tmp_path, line))


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the reference data in ../shared/data")
def test_real_tracks_are_annotations_of_their_videos() -> None:
    flies = read_annotations(SHARED / "footage" / "pair_gt.txt", size=(1024, 1024))
    assert (len(flies.pictures), len(flies.shapes)) == (1500, 3000)
    checked(flies, PIG9)
    file = SHARED / "edinburgh-format" / "2019_11_15_000033_output.json"
    pigs = read_annotations(file, size=(1280, 720))
    assert len(pigs.pictures) == 600
    assert {shape.attribute("behaviour") for shape in pigs.shapes}
