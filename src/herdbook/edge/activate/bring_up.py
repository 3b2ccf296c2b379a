"""Bringing an installed release up: its bytes are looked at, it is loaded, and it must answer rightly."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from herdbook.contracts.digest import sha256_of
from herdbook.edge.activate import steps, trial
from herdbook.edge.activate.graphs import ensure_loaded
from herdbook.edge.activate.opened import Opened, open_release
from herdbook.edge.activate.place import Place, Told, say_nothing
from herdbook.edge.activate.state import Installed
from herdbook.edge.proof.fixtures import Arrays, errors_of, read_check
from herdbook.edge.triton.repository import Model, keep_only, model_name, write_version
from herdbook.errors import ActivationError, DiskFullError, EngineRefusedError, HerdbookError, TritonError

OF_THE_MACHINE = (TritonError, DiskFullError)
"""What says nothing against a release: it stays named, and is brought up again on the next pass."""


def bring_up(place: Place, installed: Installed, *, told: Told = say_nothing) -> None:
    """Load a release where it is not loaded, and probe it. What else is loaded stays loaded.

    A server that crashes meanwhile is started again, once.

    Raises:
        ActivationError: its files are not what they were.
        EngineRefusedError: it answers wrongly, or not at all.
        TritonError: the server does not come up, or does not load it.
        DiskFullError: no space is left.
    """
    opened = _verified(place, installed)
    try:
        _load_and_probe(place, opened, installed, told)
    except TritonError:
        _load_and_probe(place, opened, installed, told)


def _load_and_probe(place: Place, opened: Opened, installed: Installed, told: Told) -> None:
    if through_triton(place, installed):
        client = place.host.client()
        served = client.index()
        for engine in installed.engines:
            name = model_name(engine.role, installed.use.release_id)
            source = place.releases / engine.place
            model = Model(name, installed.backend, source, engine.inputs, engine.outputs, place.threads)
            _clear_damaged(place.host.models / name / str(installed.version), engine.sha256)
            beside = [version for model_is, version in served if model_is == name]
            write_version(place.host.models, model, installed.version, beside=beside)
        told(steps.WRITTEN)
        for engine in installed.engines:
            ensure_loaded(place.host, model_name(engine.role, installed.use.release_id), installed.version)
        told(steps.LOADED)
    _probe(place, opened, installed)
    told(steps.PROBED)


def answers(place: Place, installed: Installed) -> bool:
    """Whether a release that runs in Triton is loaded there and answers rightly. Its bytes are not looked at."""
    try:
        served = place.host.client().index()
        for engine in installed.engines:
            if (model_name(engine.role, installed.use.release_id), installed.version) not in served:
                return False
        opened = open_release(place.releases / installed.folder, place.hardware, look=False)
        _probe(place, opened, installed)
    except HerdbookError:
        return False
    return True


def unload(place: Place, installed: Installed, *, but: Installed | None = None) -> None:
    """Unload a release in Triton; its files stay. Nothing happens where it is not served there, or Triton is down.

    Args:
        but: a release that stays; its models may be the same ones in another version.
    """
    if not through_triton(place, installed):
        return
    staying = {} if but is None else {model_name(e.role, but.use.release_id): e for e in but.engines}
    with suppress(*OF_THE_MACHINE):
        client = place.host.client()
        for engine in installed.engines:
            name = model_name(engine.role, installed.use.release_id)
            if but is None or name not in staying:
                client.unload(name)
            elif installed.version != but.version:
                kept = staying[name]
                source = place.releases / kept.place
                model = Model(name, but.backend, source, kept.inputs, kept.outputs, place.threads)
                write_version(place.host.models, model, but.version)
                client.load(name)  # its configuration no longer names the old version


def tidy(place: Place, *kept: Installed | None) -> None:
    """Remove from Triton's repository what none of these releases needs."""
    wanted = [
        (model_name(engine.role, installed.use.release_id), installed.version)
        for installed in kept
        if installed is not None
        for engine in installed.engines
    ]
    keep_only(place.host.models, wanted)


def through_triton(place: Place, installed: Installed) -> bool:
    """Whether a release runs in Triton here."""
    return place.uses_triton or installed.backend == "tensorrt"


def _clear_damaged(folder: Path, sha256: str) -> None:
    """A version whose engine is not what it was goes; it is written again from the release's own folder."""
    engines = [path for path in folder.glob("model.*") if path.suffix in (".onnx", ".plan")]
    if folder.is_dir() and [sha256_of(path) for path in engines] != [sha256]:
        shutil.rmtree(folder, ignore_errors=True)


def _verified(place: Place, installed: Installed) -> Opened:
    opened = open_release(place.releases / installed.folder, place.hardware)
    if opened.sha256 != installed.release_sha256:
        raise ActivationError(f"{opened.folder} is not the release that was taken up")
    for engine in installed.engines:
        path = place.releases / engine.place
        if not path.is_file() or sha256_of(path) != engine.sha256:
            raise ActivationError(f"{path} is not the engine that proved itself")
    return opened


def _probe(place: Place, opened: Opened, installed: Installed) -> None:
    """One fixture of every network must come out as it did when the engine was proved."""
    if not opened.networks:
        return
    fixtures = {network.role: opened.fixtures_of(network)[0] for network in opened.networks}
    files: list[tuple[str, Path]] = [(role, opened.folder / fixture.file) for role, fixture in fixtures.items()]
    if through_triton(place, installed):
        client = place.host.client()

        def run(role: str, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
            return client.infer(model_name(role, installed.use.release_id), installed.version, inputs)

        errors = errors_of([read_check(role, path) for role, path in files], run)
    else:
        graphs = {engine.role: place.releases / engine.place for engine in installed.engines}
        question = trial.Question(graphs=graphs, fixtures=tuple(files), threads=place.threads, runs=0)
        errors = list(trial.try_graphs(question).errors)
    for (role, fixture), error in zip(fixtures.items(), errors, strict=True):
        if error is None or error > fixture.tolerance:
            raise EngineRefusedError(f"the engine of '{role}' answers wrongly: {error} of the spread")
