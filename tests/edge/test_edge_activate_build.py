"""Building engines: the command line, and a stand-in that behaves like trtexec. The real one has not run here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from activate_cases import make_place, named, needs_triton, point_at, running

from herdbook.contracts.activation import EngineCertificate
from herdbook.contracts.assignment import Assignment
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.hardware import Hardware
from herdbook.contracts.release import File, Precision, Recipe
from herdbook.edge.activate import Place, activate, read_active
from herdbook.edge.activate.build import check_range, forget_built, parts_of, trtexec_command
from herdbook.edge.activate.opened import open_release
from herdbook.edge.activate.trial import Question, try_graphs
from herdbook.edge.triton.repository import Tensor
from herdbook.errors import EngineBuildError, EngineRefusedError, ReleaseUnusableError
from support.made_release import make_assignment, make_release
from support.plain_release import write_plain_release

ORIN = Hardware(sku="orin-nx-16", memory_mib=16384, jetpack="6.1", tensorrt="10.3.0", cuda="12.6")
STEPS = {"name": "features", "least": [1, 2, 27], "usual": [1, 600, 27], "most": [1, 4096, 27]}
PRESENT = {"name": "present", "least": [1, 2], "usual": [1, 600], "most": [1, 4096]}
RECIPE = {
    "sku": "orin-nx-16",
    "precision": "fp16",
    "workspace_mib": 2048,
    "shapes": [STEPS, PRESENT],
    "tensorrt_from": "10.3",
    "tensorrt_below": "11",
    "budget": {"latency_ms": 10, "memory_mib": 900},
}
STAND_IN = """#!/bin/sh
# Takes the flags that we give trtexec, writes down its command line, and leaves a plan or fails.
echo "$@" >> "$(dirname "$0")/asked"
if [ -e "$(dirname "$0")/fails" ]; then echo "[E] Error[4]: no tactic fits"; exit 1; fi
for flag in "$@"; do case "$flag" in --saveEngine=*) printf 'plan of %s' "$*" > "${flag#--saveEngine=}";; esac; done
echo "&&&& PASSED TensorRT.trtexec"
"""


@pytest.fixture
def trtexec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "tensorrt" / "trtexec"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    monkeypatch.setenv("HERDBOOK_TRTEXEC", str(program))
    return program


@pytest.fixture
def orin(tmp_path: Path) -> Place:
    place = make_place(tmp_path / "root")
    return Place(place.root, place.config, ORIN, place.host)


@pytest.fixture
def folder(orin: Place, tmp_path: Path) -> Path:
    return make_release(orin.releases, write_plain_release(tmp_path / "source"), recipe=RECIPE)


def command(precision: Precision, tensorrt: str = "10.3.0", **changes: object) -> list[str]:
    recipe = Recipe.model_validate(RECIPE | changes)
    inputs = [
        Tensor(name="features", kind="tensor(float)", shape=(1, None, 27)),
        Tensor(name="present", kind="tensor(bool)", shape=(1, None)),
        Tensor(name="still", kind="tensor(float)", shape=(1, 3)),
    ]
    return trtexec_command(
        Path("trtexec"),
        Path("a.onnx"),
        Path("a.plan"),
        recipe,
        precision=precision,
        inputs=inputs,
        tensorrt=tensorrt,
        timing_cache=Path("10.3.0.cache"),
    )


def test_the_command_line_is_the_recipes() -> None:
    assert command(Precision.FP16) == [
        "trtexec",
        "--onnx=a.onnx",
        "--saveEngine=a.plan",
        "--skipInference",
        "--memPoolSize=workspace:2048M",
        "--timingCacheFile=10.3.0.cache",
        "--fp16",
        "--minShapes=features:1x2x27,present:1x2",
        "--optShapes=features:1x600x27,present:1x600",
        "--maxShapes=features:1x4096x27,present:1x4096",
    ]


@pytest.mark.parametrize(
    ("precision", "tensorrt", "flags"),
    [
        (Precision.FP32, "10.3.0", ["--noTF32"]),
        (Precision.INT8, "10.3.0", ["--int8", "--fp16"]),
        (Precision.INT8, "11.0", ["--stronglyTyped"]),
    ],
)
def test_int8_is_what_the_graph_says_and_never_calibrated(
    precision: Precision, tensorrt: str, flags: list[str]
) -> None:
    said = command(precision, tensorrt)
    assert [flag for flag in said if flag in ("--fp16", "--int8", "--noTF32", "--stronglyTyped")] == flags
    assert not any("calib" in flag for flag in said)


def test_what_cannot_be_built_is_refused_before_it_is_tried() -> None:
    with pytest.raises(ReleaseUnusableError, match="half precision"):
        command(Precision.FP16, "11.0")
    with pytest.raises(ReleaseUnusableError, match="no range for input 'features'"):
        command(Precision.FP16, shapes=[])


@pytest.mark.parametrize(
    ("tensorrt", "said"), [("10.2.9", "older than 10.3"), ("11.0", "not below 11"), ("10.3", None), ("10.99.1.2", None)]
)
def test_the_range_of_versions_holds(tensorrt: str, said: str | None) -> None:
    hardware = ORIN.model_copy(update={"tensorrt": tensorrt})
    recipe = Recipe.model_validate(RECIPE)
    if said is None:
        check_range(recipe, hardware)
    else:
        with pytest.raises(ReleaseUnusableError, match=said):
            check_range(recipe, hardware)


def test_the_canary_builds_and_keeps_plans_by_digest(orin: Place, folder: Path, trtexec: Path) -> None:
    opened = open_release(folder, ORIN)
    graphs = {network.role: folder / network.file for network in opened.networks}
    tensors = try_graphs(Question(graphs=graphs)).tensors
    widths = {"27": str(tensors["behaviour"][0][0].shape[2])}
    assert widths["27"], "the recipe's ranges need not fit the plain graph: the stand-in does not look"
    canary = make_assignment(folder, builds=True)
    parts = parts_of(orin, opened, canary, tensors)
    assert [(part.role, part.precision, part.built_here) for part in parts] == [
        ("student", Precision.FP16, True),
        ("behaviour", Precision.FP16, True),
    ]
    for part in parts:
        assert part.engine.parent == orin.built
        assert part.engine.read_bytes().startswith(b"plan of --onnx=")
    asked = (trtexec.parent / "asked").read_text().splitlines()
    assert "--minShapes" not in asked[0], "the student's sizes are fixed"
    assert "timing/orin-nx-16_10.3.0.cache" in asked[0]

    (trtexec.parent / "fails").touch()
    with pytest.raises(EngineBuildError, match=r"code 1 on 'student': \[E\] Error\[4\]: no tactic fits"):
        parts_of(orin, opened, canary, tensors)
    assert all(part.engine.is_file() for part in parts), "what was built before stays"


def brings(folder: Path, *roles: str) -> Assignment:
    """An assignment that names the plans of some roles as they lie in a release's folder."""
    plans = [folder / f"{role}.plan" for role in roles]
    files = [
        {"path": f"releases/x/plans/y/{p.name}", "name": p.name, "bytes": 1, "sha256": sha256_of(p)} for p in plans
    ]
    told = make_assignment(folder)
    return make_assignment(folder, files=[*(file.model_dump() for file in told.files), *files])


def test_a_plan_that_came_with_the_assignment_is_taken(orin: Place, folder: Path) -> None:
    for role in ("student", "behaviour"):
        (folder / f"{role}.plan").write_bytes(b"built elsewhere")
    parts = parts_of(orin, open_release(folder, ORIN), brings(folder, "student", "behaviour"), {})
    assert [(part.engine.name, part.built_here) for part in parts] == [
        ("student.plan", False),
        ("behaviour.plan", False),
    ]


@pytest.mark.usefixtures("trtexec")
def test_a_plan_that_nobody_signed_is_not_taken_but_removed(orin: Place, folder: Path) -> None:
    for role in ("student", "behaviour"):
        (folder / f"{role}.plan").write_bytes(b"code of whoever put it there")
    opened = open_release(folder, ORIN)
    told = brings(folder, "behaviour").model_copy(update={"builds": True})
    parts = parts_of(orin, opened, told, dict.fromkeys(("student", "behaviour"), ((), ())))
    assert [part.built_here for part in parts] == [True, False], "the canary builds what is missing"
    assert not (folder / "student.plan").exists()
    (folder / "student.plan").write_bytes(b"code of whoever put it there")
    with pytest.raises(ReleaseUnusableError, match="no plan of 'student'"):
        parts_of(orin, opened, brings(folder, "behaviour"), {})


def test_a_plan_that_proved_itself_here_needs_no_second_signature(orin: Place, folder: Path) -> None:
    for role in ("student", "behaviour"):
        (folder / f"{role}.plan").write_bytes(b"built elsewhere")
    installed = named(orin, folder, 1)
    digest = sha256_of(folder / "student.plan")
    engines = tuple(engine.model_copy(update={"sha256": digest}) for engine in installed.engines)
    point_at(orin, None, installed.model_copy(update={"engines": engines}))
    parts = parts_of(orin, open_release(folder, ORIN), make_assignment(folder), {})
    assert [part.engine.name for part in parts] == ["student.plan", "behaviour.plan"]


def test_without_a_plan_only_the_canary_goes_on(orin: Place, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_release(folder, ORIN)
    with pytest.raises(ReleaseUnusableError, match=r"no plan of 'student' for orin-nx-16_16384_6\.1_10\.3\.0_12\.6"):
        parts_of(orin, opened, make_assignment(folder), {})
    monkeypatch.setenv("HERDBOOK_TRTEXEC", str(folder / "nowhere"))
    inputs = dict.fromkeys(("student", "behaviour"), ((), ()))
    with pytest.raises(EngineBuildError, match="trtexec is not there"):
        parts_of(orin, opened, make_assignment(folder, builds=True), inputs)


def test_plans_built_here_go_with_the_releases_that_they_are_engines_of(orin: Place, folder: Path) -> None:
    orin.built.mkdir()
    for letter in "abcd":
        (orin.built / f"{letter * 64}.plan").write_bytes(b"plan")
    (orin.built / "student.log").touch()
    installed = named(orin, folder, 1)
    now, previous = (
        installed.model_copy(update={"engines": (installed.engines[0].model_copy(update={"sha256": letter * 64}),)})
        for letter in "ab"
    )
    forget_built(orin, now, previous, None, but=[File(name="student.plan", bytes=4, sha256="c" * 64)])
    assert {path.name[0] for path in orin.built.iterdir()} == {"a", "b", "c", "s"}


def test_a_device_without_tensorrt_runs_the_graphs(tmp_path: Path) -> None:
    place = make_place(tmp_path / "root")
    folder = make_release(place.releases, write_plain_release(tmp_path / "source"))
    parts = parts_of(place, open_release(folder, place.hardware), make_assignment(folder), {})
    assert json.loads((folder / "release.json").read_bytes())["recipes"][0]["sku"] == "cpu"
    assert [part.engine for part in parts] == [folder / "student.onnx", folder / "behaviour.onnx"]


def test_a_build_that_fails_leaves_what_ran(orin: Place, folder: Path, trtexec: Path) -> None:
    point_at(orin, named(orin, folder, 1))
    (trtexec.parent / "fails").touch()
    with pytest.raises(EngineBuildError, match="no tactic fits"):
        activate(orin, folder, make_assignment(folder, 2, builds=True))
    active = read_active(orin.releases)
    assert active is not None
    assert active.now is not None
    assert active.now.assignment == 1


@needs_triton
@pytest.mark.slow
def test_a_plan_that_triton_cannot_load_is_refused_and_its_certificate_says_so(
    tmp_path: Path, folder: Path, orin: Place, trtexec: Path
) -> None:
    """As far as this path goes without TensorRT: plans are built, written, configured, and asked for."""
    with orin.host, pytest.raises(EngineRefusedError, match="Triton could not load student"):
        activate(orin, folder, make_assignment(folder, 1, builds=True))
    (written,) = orin.certificates.iterdir()
    certificate = EngineCertificate.model_validate_json(written.read_bytes())
    assert (certificate.backend, certificate.built_here) == ("tensorrt", True)
    assert [engine.name for engine in certificate.engines] == ["student.plan", "behaviour.plan"]
    assert running(orin) is None
    assert not list(orin.host.models.iterdir()), "nothing of the trial is left"
