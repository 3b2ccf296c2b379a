"""Building TensorRT engines with ``trtexec``, as a release's recipe says. This has not run with the real one.

Q/DQ nodes in the graph say what is int8; there is no calibrator. The timing cache is valid for one exact version of
TensorRT, so its name carries the version and the kind of machine. Plans hold code of the host: only plans that were
built here, or that came signed with an assignment, are ever loaded.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from herdbook.contracts.assignment import Assignment
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import disk_full_is_said, make_folder, replace_durably
from herdbook.contracts.hardware import Hardware, Version
from herdbook.contracts.release import File, Network, Precision, Recipe
from herdbook.edge.activate.opened import Opened
from herdbook.edge.activate.place import Place
from herdbook.edge.activate.state import Installed, read_active
from herdbook.edge.triton.repository import Tensor, Tensors
from herdbook.errors import EngineBuildError, ReleaseUnusableError

TRTEXEC_VARIABLE = "HERDBOOK_TRTEXEC"
"""Names the program where it is neither on the path nor where JetPack puts it."""
_JETPACK = Path("/usr/src/tensorrt/bin/trtexec")
BUILD_S = 4 * 3600.0
"""Longest build."""
_TYPED_GRAPHS_ONLY = (11,)
"""From this version on precision is what the graph says, and flags for weaker typing are gone."""


@dataclass(frozen=True)
class Part:
    """One network as it will be loaded."""

    network: Network
    precision: Precision
    graph: Path
    engine: Path
    """The plan, or the graph itself."""
    built_here: bool = False

    @property
    def role(self) -> str:
        """What the network is for."""
        return self.network.role


def numbers(version: Version) -> tuple[int, ...]:
    """A version for comparison: missing numbers are zero."""
    found = tuple(int(part) for part in version.split("."))
    return found + (0,) * (4 - len(found))


def check_range(recipe: Recipe, hardware: Hardware) -> None:
    """Refuse a TensorRT for which the recipe is not made.

    Raises:
        ReleaseUnusableError: it is older or newer than the recipe allows.
    """
    if hardware.tensorrt is None:
        return
    here = numbers(hardware.tensorrt)
    if recipe.tensorrt_from is not None and here < numbers(recipe.tensorrt_from):
        raise ReleaseUnusableError(f"TensorRT {hardware.tensorrt} is older than {recipe.tensorrt_from}")
    if recipe.tensorrt_below is not None and here >= numbers(recipe.tensorrt_below):
        raise ReleaseUnusableError(f"TensorRT {hardware.tensorrt} is not below {recipe.tensorrt_below}")


def trtexec_command(
    program: Path,
    graph: Path,
    plan: Path,
    recipe: Recipe,
    *,
    precision: Precision,
    inputs: Sequence[Tensor],
    tensorrt: Version,
    timing_cache: Path,
) -> list[str]:
    """The command line of one build.

    Args:
        inputs: of the graph; a shape range is given where one of its sizes is free.

    Raises:
        ReleaseUnusableError: this TensorRT cannot make that precision from that graph, or an input of free size has no
            range.
    """
    command = [str(program), f"--onnx={graph}", f"--saveEngine={plan}", "--skipInference"]
    command += [f"--memPoolSize=workspace:{recipe.workspace_mib}M", f"--timingCacheFile={timing_cache}"]
    if numbers(tensorrt) >= (*_TYPED_GRAPHS_ONLY, 0, 0, 0):
        if precision is Precision.FP16:
            raise ReleaseUnusableError(f"TensorRT {tensorrt} makes half precision only from a graph that has it")
        command.append("--stronglyTyped")
    else:
        command += {Precision.FP32: ["--noTF32"], Precision.FP16: ["--fp16"], Precision.INT8: ["--int8", "--fp16"]}[
            precision
        ]
    ranges = {shape.name: shape for shape in recipe.shapes}
    free = [tensor.name for tensor in inputs if None in tensor.shape]
    if missing := [name for name in free if name not in ranges]:
        raise ReleaseUnusableError(f"the recipe of '{recipe.sku}' gives no range for input '{missing[0]}'")
    for flag, which in (("--minShapes", "least"), ("--optShapes", "usual"), ("--maxShapes", "most")):
        if free:
            said = ",".join(f"{name}:{'x'.join(map(str, getattr(ranges[name], which)))}" for name in free)
            command.append(f"{flag}={said}")
    return command


def parts_of(place: Place, opened: Opened, assignment: Assignment, tensors: Tensors) -> list[Part]:
    """The networks of a release as this device loads them: plans where it has TensorRT, graphs otherwise.

    A plan that came with the assignment is taken (it is proved like any other); otherwise the canary builds.

    Args:
        assignment: names the plans that came, and says whether this device is the canary of its kind.
        tensors: what goes in and out of each role's graph; not needed where graphs run as they are.

    Raises:
        EngineBuildError: trtexec is not there, fails, or leaves no plan.
        ReleaseUnusableError: the release is not for this TensorRT, or brings no plan and the device is not to build.
    """
    check_range(opened.recipe, place.hardware)
    parts = []
    for network in opened.networks:
        graph, precision = opened.folder / network.file, opened.precision_of(network)
        if not place.hardware.has_tensorrt:
            parts.append(Part(network, network.precision, graph, graph))
            continue
        brought = _brought(place, opened.folder / f"{network.role}.plan", assignment)
        if brought is not None:
            parts.append(Part(network, precision, graph, brought))
        elif assignment.builds:
            plan = _build(place, opened, network, tensors[network.role][0])
            parts.append(Part(network, precision, graph, plan, built_here=True))
        else:
            raise ReleaseUnusableError(
                f"no plan of '{network.role}' for {place.hardware.engine_key} came with the assignment",
                "Let the canary of this kind of device build it first.",
            )
    return parts


def forget_built(place: Place, *kept: Installed | None, but: Iterable[File]) -> None:
    """Remove the plans built here that are not an engine of these releases, nor offered to the platform."""
    needed = {file.sha256 for file in but} | {engine.sha256 for each in kept if each for engine in each.engines}
    for plan in place.built.glob("*.plan"):
        if plan.stem not in needed:
            plan.unlink()


def _brought(place: Place, plan: Path, assignment: Assignment) -> Path | None:
    """A plan that came signed, with this assignment or that of a release that is kept; any other goes."""
    if not plan.is_file():
        return None
    active = read_active(place.releases)
    kept = (active.now, active.previous) if active else ()
    proved = {engine.sha256 for installed in kept if installed for engine in installed.engines}
    if sha256_of(plan) in {assignment.digest_of(plan.name), *proved}:
        return plan
    plan.unlink()
    return None


def _build(place: Place, opened: Opened, network: Network, inputs: Sequence[Tensor]) -> Path:
    program = _program()
    version = place.hardware.tensorrt or "0"
    cache = make_folder(place.releases / "timing") / f"{place.hardware.sku}_{version}.cache"
    part = make_folder(place.built) / f".{network.role}.part"
    log = place.built / f"{network.role}.log"
    command = trtexec_command(
        program,
        opened.folder / network.file,
        part,
        opened.recipe,
        precision=opened.precision_of(network),
        inputs=inputs,
        tensorrt=version,
        timing_cache=cache,
    )
    part.unlink(missing_ok=True)
    try:
        with disk_full_is_said(log), log.open("wb") as stream:
            done = subprocess.run(command, stdout=stream, stderr=stream, timeout=BUILD_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise EngineBuildError(f"building '{network.role}' took longer than {BUILD_S:g} s; see {log}") from error
    except OSError as error:
        raise EngineBuildError(f"{program} cannot be run: {error.strerror}") from error
    if done.returncode != 0 or not part.is_file() or part.stat().st_size == 0:
        said = (log.read_text(errors="replace").strip().splitlines() or ["nothing"])[-1]
        raise EngineBuildError(
            f"trtexec ended with code {done.returncode} on '{network.role}': {said[:200]}; see {log}"
        )
    plan = place.built / f"{sha256_of(part)}.plan"
    replace_durably(part, plan)
    return plan


def _program() -> Path:
    named = os.environ.get(TRTEXEC_VARIABLE) or shutil.which("trtexec") or str(_JETPACK)
    if not Path(named).is_file():
        raise EngineBuildError("trtexec is not there", f"Install TensorRT's tools, or name it in {TRTEXEC_VARIABLE}.")
    return Path(named)
