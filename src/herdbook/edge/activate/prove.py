"""Proof: an engine earns a certificate on the machine that it runs on, or is refused with every problem listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from herdbook.contracts.activation import EngineCertificate, Parity
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import make_folder, write_durably
from herdbook.contracts.release import RELEASE_NAME, File, Precision
from herdbook.edge.activate import trial
from herdbook.edge.activate.build import Part
from herdbook.edge.activate.memory import available_mib
from herdbook.edge.activate.opened import Opened
from herdbook.edge.activate.place import Place
from herdbook.edge.proof.fixtures import Arrays, errors_of, latency_ms, read_check
from herdbook.edge.triton.client import TritonClient
from herdbook.edge.triton.repository import Backend, Model, Tensor, Tensors, model_name, write_version
from herdbook.errors import EngineRefusedError, TritonError

_QUANTISED = b"QuantizeLinear"


def prove(
    place: Place,
    opened: Opened,
    parts: Sequence[Part],
    tensors: Tensors,
    number: int,
    *,
    waive: bool = False,
) -> tuple[EngineCertificate, Tensors]:
    """Run every fixture of the networks used, time a frame's pass, measure memory, and write the certificate.

    Args:
        tensors: inputs and outputs of each role's graph, where plans are proved.
        number: a fresh version number for a plan's trial in Triton.
        waive: whether to let pass an engine that misses its budget, and only note it.

    Returns:
        The certificate, and inputs and outputs of each role's graph.

    Raises:
        EngineRefusedError: there is a problem; the certificate is written all the same.
        TritonError: the server does not come up; there is no certificate.
        DiskFullError: no space is left for the certificate.
    """
    problems: list[str] = []
    fixtures = [(part, fixture) for part in parts for fixture in opened.fixtures_of(part.network)]
    files = [(part.role, opened.folder / fixture.file) for part, fixture in fixtures]
    measured = trial.Answer(inputs={}, outputs={}, errors=(None,) * len(fixtures))
    through_triton = place.hardware.has_tensorrt and bool(parts)
    if through_triton:
        place.host.client()  # a server that does not come up is no engine's fault
    try:
        if through_triton:
            measured = _try_plans(place, opened, parts, tensors, files=files, number=number)
        elif parts:
            graphs = {part.role: part.graph for part in parts}
            measured = trial.try_graphs(trial.Question(graphs=graphs, fixtures=tuple(files), threads=place.threads))
    except (EngineRefusedError, TritonError) as error:
        problems.append(error.message[:500])
    parity = tuple(
        Parity(role=part.role, precision=fixture.precision, error=error, tolerance=fixture.tolerance)
        for (part, fixture), error in zip(fixtures, measured.errors, strict=True)
    )
    budget = opened.recipe.budget
    missed: list[str] = []
    if not problems:
        problems += [_parity_problem(found) for found in parity if not found.holds]
        problems += [_precision_problem(part) for part in parts if not _as_told(part)]
        if measured.latency_ms > budget.latency_ms:
            missed.append(f"latency: {measured.latency_ms:.2f} ms a frame, the budget is {budget.latency_ms:g}")
        if measured.memory_mib > budget.memory_mib:
            missed.append(f"memory: {measured.memory_mib:.1f} MiB, the budget is {budget.memory_mib:g}")
    if not waive:
        problems += missed
    certificate = EngineCertificate(
        device_id=place.config.device_id,
        release_id=opened.release.use.release_id,
        release_sha256=opened.sha256,
        hardware=place.hardware,
        backend="tensorrt" if place.hardware.has_tensorrt else "onnxruntime",
        engines=tuple(_engine_file(part) for part in parts) or (describe(opened.folder / RELEASE_NAME),),
        precision=_precision(parts, opened.recipe.precision),
        parity=parity,
        latency_ms=measured.latency_ms,
        memory_mib=measured.memory_mib,
        budget=budget,
        problems=tuple(problems),
        waived=tuple(missed) if waive else (),
        built_here=any(part.built_here for part in parts),
        software_version=version("herdbook"),
        made_at=datetime.now(UTC),
    )
    write_durably(
        make_folder(place.certificates) / certificate_name(opened),
        certificate.model_dump_json(indent=1).encode() + b"\n",
    )
    if problems:
        raise EngineRefusedError(f"release '{certificate.release_id}' is refused here: {'; '.join(problems)}")
    return certificate, tensors or measured.tensors


def certificate_name(opened: Opened) -> str:
    """The file of the newest certificate of exactly these release bytes."""
    return f"{opened.release.use.release_id}-{opened.sha256[:12]}.json"


def describe(path: Path) -> File:
    """A file by its digest."""
    return File(name=path.name, bytes=path.stat().st_size, sha256=sha256_of(path))


def _engine_file(part: Part) -> File:
    """A plan is told by its role, under which it is published for other devices; it lies here by its digest."""
    file = describe(part.engine)
    return file if part.engine == part.graph else file.model_copy(update={"name": f"{part.role}.plan"})


def model_of(
    part: Part, release_id: str, tensors: tuple[tuple[Tensor, ...], ...], *, tensorrt: bool, threads: int
) -> Model:
    """A part as Triton is to serve it."""
    inputs, outputs = tensors
    backend: Backend = "tensorrt" if tensorrt else "onnxruntime"
    return Model(model_name(part.role, release_id), backend, part.engine, inputs, outputs, threads)


def _try_plans(
    place: Place,
    opened: Opened,
    parts: Sequence[Part],
    tensors: Tensors,
    *,
    files: Sequence[tuple[str, Path]],
    number: int,
) -> trial.Answer:
    """Plans run only in Triton: load them under names of their own, measure, unload. Memory is what the machine lost:
    on a Jetson, CPU and GPU share it."""
    client = place.host.client()
    names: list[str] = []
    before = available_mib()
    try:
        for part in parts:
            model = model_of(
                part, f"trial.{opened.release.use.release_id}", tensors[part.role], tensorrt=True, threads=1
            )
            write_version(place.host.models, model, number)
            names.append(model.name)
            client.load(model.name)
        by_role = dict(zip((part.role for part in parts), names, strict=True))
        checks = [read_check(role, path) for role, path in files]

        def run(role: str, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
            return client.infer(by_role[role], number, inputs)

        errors = errors_of(checks, run)
        taken = latency_ms(checks, run, warm_up=10, runs=50)
        memory = max(0.0, before - available_mib())
        return trial.Answer(inputs={}, outputs={}, errors=tuple(errors), latency_ms=taken, memory_mib=memory)
    finally:
        _unload(client, names)


def _unload(client: TritonClient, names: Sequence[str]) -> None:
    for name in names:
        try:
            client.unload(name)
        except TritonError:
            return  # it crashed: nothing is loaded any more


def _precision(parts: Sequence[Part], wanted: Precision) -> Precision:
    """The recipe's where a network has it, else the first network's."""
    held = [part.precision for part in parts]
    return wanted if wanted in held or not held else held[0]


def _as_told(part: Part) -> bool:
    """Whether a graph that is said to be int8 says so itself: without Q/DQ nodes it would run in float."""
    return part.network.precision is not Precision.INT8 or _QUANTISED in part.graph.read_bytes()


def _precision_problem(part: Part) -> str:
    return f"precision: {part.graph.name} is said to be int8 and has no Q/DQ nodes"


def _parity_problem(found: Parity) -> str:
    if found.error is None:
        return f"parity of '{found.role}' ({found.precision.value}): an output is absent or not finite"
    said = f"{found.error:.4g} of the spread, {found.tolerance:g} allowed"
    return f"parity of '{found.role}' ({found.precision.value}): {said}"
