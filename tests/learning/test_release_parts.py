"""What a release is made of, piece by piece: frames, recipes, fixtures, names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from herdbook.contracts.device_day import ReleaseUse
from herdbook.contracts.release import Precision, Provenance, Release
from herdbook.edge.config import MOTION_RELEASE
from herdbook.errors import ConfigurationError, FileFormatError, InputError, NotFoundError, ReleaseNotProvedError
from herdbook.learning.datasets.plan import Split
from herdbook.learning.datasets.reading import Frame
from herdbook.learning.release.document import describe, read_release, write_release
from herdbook.learning.release.fixtures import LEAST, MOST, Case, npz_bytes, read_fixture, write_fixtures
from herdbook.learning.release.frames import stratified, stratum, told
from herdbook.learning.release.made import Made
from herdbook.learning.release.motion import make_motion
from herdbook.learning.release.recipes import load_recipes
from herdbook.learning.release.version import named
from herdbook.settings import Settings
from support.releases import release_document

SKUS = {"cpu", "orin-nano-4", "orin-nano-8", "orin-nx-8", "orin-nx-16", "orin-agx-32", "orin-agx-64"}


def frame(number: int, light: str = "day", camera: str = "cam-1") -> Frame:
    said = {"site": "north", "device_id": "barn-1", "camera_id": camera, "light": light, "crowding": "apart"}
    return Frame(f"{number:064x}", Split.TRAIN, Path("frame.png"), said)


# -- frames -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), max_size=60), st.integers(1, 40))
def test_strata_give_equally_many_frames_until_they_have_no_more(kinds: list[tuple[str, str]], count: int) -> None:
    frames = [frame(k, light, camera) for k, (light, camera) in enumerate(kinds)]
    taken = stratified(frames, count)
    assert len(taken) == min(count, len(frames)) == len({one.frame_id for one in taken})
    there, mine = Counter(map(stratum, frames)), Counter(map(stratum, taken))
    most = max(mine.values(), default=0)
    assert all(mine[name] >= min(there[name], most - 1) for name in there)
    assert stratified(frames[::-1], count) == taken


def test_what_is_told_of_calibration_names_every_stratum_and_the_frames_themselves() -> None:
    one = told([frame(1), frame(2, "dim"), frame(3)])
    assert one.frames == 3
    assert one.strata == {"north/barn-1/cam-1/day/apart": 2, "north/barn-1/cam-1/dim/apart": 1}
    assert told([frame(1), frame(2, "dim"), frame(4)]).sha256 != one.sha256


# -- recipes ----------------------------------------------------------------------------------------------------------


def test_every_kind_of_device_has_a_recipe_of_the_compact_engine_and_of_motion() -> None:
    book = load_recipes()
    for engine in ("compact", "motion"):
        assert {recipe.sku for recipe in book.recipes(engine, Precision.INT8)} == SKUS
    jetson = next(r for r in book.recipes("compact", Precision.INT8) if r.sku == "orin-nano-8")
    assert (jetson.precision, jetson.tensorrt_from, jetson.tensorrt_below) == (Precision.INT8, "10.3", "11")
    cpu = next(r for r in book.recipes("compact", Precision.INT8) if r.sku == "cpu")
    assert cpu.tensorrt_from is None


@pytest.mark.parametrize(
    ("smallest", "cpu", "nano", "agx"),
    [("int8", "int8", "int8", "fp16"), ("fp16", "fp32", "fp16", "fp16"), ("fp32", "fp32", "fp32", "fp32")],
)
def test_no_recipe_is_of_a_smaller_precision_than_was_asked_for(smallest: str, cpu: str, nano: str, agx: str) -> None:
    found = {r.sku: r.precision.value for r in load_recipes().recipes("compact", Precision(smallest))}
    assert (found["cpu"], found["orin-nano-8"], found["orin-agx-64"]) == (cpu, nano, agx)


def test_a_wrong_file_of_recipes_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"own\.yaml"):
        load_recipes(tmp_path / "own.yaml")
    own = tmp_path / "own.yaml"
    own.write_text("format: herdbook-recipes/1\nengines: 3\n")
    with pytest.raises(ConfigurationError, match=r"own\.yaml"):
        load_recipes(own)
    with pytest.raises(ConfigurationError, match="engine 'other'"):
        load_recipes().recipes("other", Precision.FP32)


# -- fixtures ---------------------------------------------------------------------------------------------------------


def says(factor: float) -> Any:
    return lambda inputs: {"out": inputs["in"] * factor, "other": inputs["in"]}


CASE = Case("one", {"in": np.linspace(-1, 1, 50, dtype=np.float32)})


def fixture_of(folder: Path, factor: float) -> float:
    (made,) = write_fixtures(
        folder, "net", Precision.FP32, [CASE], says=says(1), rounded=[says(factor)], outputs=["out"]
    )
    return made.tolerance


def test_a_tolerance_is_a_margin_over_what_rounding_changes_within_bounds(tmp_path: Path) -> None:
    assert fixture_of(tmp_path, 1 + 1e-6) == LEAST
    assert fixture_of(tmp_path, 1.04) == pytest.approx(0.07, abs=0.003)
    assert fixture_of(tmp_path, 1.2) == MOST
    with pytest.raises(ReleaseNotProvedError, match="rounding"):
        fixture_of(tmp_path, 1.5)
    with pytest.raises(ReleaseNotProvedError, match="rounding"):
        fixture_of(tmp_path, float("nan"))


def test_a_fixture_holds_inputs_and_the_outputs_that_are_compared(tmp_path: Path) -> None:
    fixture_of(tmp_path, 1.0)
    inputs, outputs = read_fixture(tmp_path / "net.fp32.one.npz")
    assert set(outputs) == {"out"}
    assert np.array_equal(inputs["in"], CASE.inputs["in"])


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=30))
def test_equal_arrays_are_equal_bytes(values: list[float]) -> None:
    array = np.array(values, np.float32)
    assert npz_bytes({"b": array, "a": array[:1]}) == npz_bytes({"a": array[:1].copy(), "b": array[::1]})


# -- the document -----------------------------------------------------------------------------------------------------

PROVENANCE = Provenance.model_validate(release_document()["provenance"])
USE = ReleaseUse.model_validate(release_document()["use"] | {"engine": "motion"})


def described(folder: Path, content: bytes = b"1", *, lab: bool = False) -> Any:
    folder.mkdir(exist_ok=True)
    (folder / "motion.yaml").write_bytes(content)
    recipes = load_recipes().recipes("motion", Precision.FP32)
    return describe(folder, USE, Made(), recipes=recipes, provenance=PROVENANCE, lab=lab)


def test_a_release_is_named_by_what_it_holds(tmp_path: Path) -> None:
    one = described(tmp_path / "a")
    assert one.use.release_id.startswith("motion-1-")
    assert one.use.space_id == USE.space_id
    assert described(tmp_path / "b") == one
    assert described(tmp_path / "b", b"2").use.release_id != one.use.release_id
    assert described(tmp_path / "b", lab=True).use.release_id.startswith("motion-1-lab-")


def test_a_release_reads_back_and_an_altered_one_does_not(tmp_path: Path) -> None:
    for name in ("a", "b"):  # the second is the same, and changes nothing
        folder = write_release(tmp_path / name, described(tmp_path / name), tmp_path / "made")
    assert read_release(folder) == described(tmp_path / "c")
    assert [path.name for path in (tmp_path / "made").iterdir()] == [folder.name]
    (folder / "motion.yaml").write_bytes(b"9")
    with pytest.raises(FileFormatError, match=r"motion\.yaml"):
        read_release(folder)
    with pytest.raises(FileFormatError, match="no release"):
        read_release(tmp_path)


# -- the engine that learns nothing -----------------------------------------------------------------------------------


def test_motion_is_a_release_without_networks(tmp_path: Path) -> None:
    home = Settings(home=tmp_path)
    folder = make_motion(home)
    release = read_release(folder)
    assert (release.networks, release.fixtures, release.lab) == ((), (), False)
    assert release.use == MOTION_RELEASE.model_copy(update={"release_id": folder.name})
    assert {recipe.sku for recipe in release.recipes} == SKUS
    assert "motion.json" in {file.name for file in release.files}
    assert make_motion(home) == folder
    assert read_release(folder) == release


def test_only_motion_may_be_without_networks() -> None:
    with pytest.raises(ValidationError, match="compact needs networks"):
        Release.model_validate(release_document(networks=[], fixtures=[]))


# -- which version ----------------------------------------------------------------------------------------------------


def test_a_version_is_named_by_number_or_alias_and_is_the_champion_if_not() -> None:
    assert named("herdbook-compact") == ("herdbook-compact", "champion")
    assert named("herdbook-sam3@12") == ("herdbook-sam3", 12)
    assert named("herdbook-compact@challenger") == ("herdbook-compact", "challenger")


@pytest.mark.parametrize(
    "said", ["", "compact", "herdbook-compact@", "herdbook-compact@1.2", "../x", "herdbook-sam3@-1"]
)
def test_what_names_no_version_is_refused(said: str) -> None:
    with pytest.raises(InputError, match="names no version"):
        named(said)
