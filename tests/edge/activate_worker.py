"""What processes to be killed do: take up a release, and come up again afterwards."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from activate_cases import make_place

from herdbook.contracts.digest import sha256_of
from herdbook.edge.activate import Place, activate, recover
from herdbook.edge.activate.graphs import graphs_of
from herdbook.edge.proof.fixtures import error_of, read_check
from support.made_release import make_assignment


def take_up(
    pipe: Connection, root: Path, folder: Path, number: int, *, stop_at: str | None, told: dict[str, Any]
) -> None:
    """Take up a release; this process ends at a step by SIGKILL."""
    place = make_place(root, **told)

    def at(step: str) -> None:
        pipe.send(step)
        if step == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with place.host:
        activate(place, folder, make_assignment(folder, number), told=at)


def come_up(pipe: Connection, root: Path, told: dict[str, Any]) -> None:
    """Come up, and say what serves: release, the engines' bytes, and how far its answers are from the fixtures'."""
    place = make_place(root, **told)
    with place.host:
        chosen = recover(place).now
        if chosen is None:
            pipe.send(None)
            return
        folder = place.releases / chosen.folder
        pipe.send(
            {
                "release": chosen.use.release_id,
                "bytes": {engine.role: sha256_of(place.releases / engine.place) for engine in chosen.engines},
                "served": _served(place, chosen.version),
                "errors": {engine.role: _error(place, chosen, engine.role, folder) for engine in chosen.engines},
            }
        )


def _served(place: Place, version: int) -> dict[str, str]:
    """Digests of the graphs in the Triton version folders of what runs, by model."""
    graphs = place.host.models.glob(f"*/{version}/model.onnx")
    return {path.parent.parent.name: sha256_of(path) for path in graphs}


def _error(place: Place, chosen: Any, role: str, folder: Path) -> float | None:
    check = read_check(role, folder / f"{role}.npz")
    graphs = graphs_of(place.host, place.releases, chosen, triton=place.uses_triton, threads=1)
    inputs = {name: values.shape for name, values in check.inputs.items()}
    outputs = {name: values.shape for name, values in check.outputs.items()}
    return error_of(check, graphs.open(role, folder / f"{role}.onnx", inputs, outputs).run(**check.inputs))


@contextmanager
def process(work: Callable[..., None], *arguments: Any, **named: Any) -> Iterator[tuple[Any, Connection]]:
    """Run ``work(pipe, *arguments, **named)`` in a process of its own, killed at the latest at the end of the block."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["activate_worker"])
    here, there = context.Pipe()
    running = context.Process(target=work, args=(there, *arguments), kwargs=named)
    running.start()
    there.close()
    try:
        yield running, here
    finally:
        running.kill()
        running.join()
        here.close()


def heard(pipe: Connection) -> list[Any]:
    """Everything that a process said until it ended."""
    said = []
    try:
        while True:
            said.append(pipe.recv())
    except (EOFError, ConnectionResetError):
        return said


def come_up_now(root: Path, **told: Any) -> dict[str, Any] | None:
    """`come_up` in a process of its own."""
    with process(come_up, root, told) as (_, pipe):
        said = heard(pipe)
    assert said, "the device did not come up"
    found: dict[str, Any] | None = said[0]
    return found


def take_up_now(
    root: Path, folder: Path, number: int, stop_at: str | None = None, **told: Any
) -> tuple[list[str], int]:
    """`take_up` in a process of its own: the steps it told, and its exit code."""
    with process(take_up, root, folder, number, stop_at=stop_at, told=told) as (running, pipe):
        steps = heard(pipe)
        running.join()
        assert running.exitcode is not None
        return steps, running.exitcode
