"""One device in a process of its own: agent and updater as `herdbook edge serve --update` runs them, and a recorder
that reads one clip with each engine it is given. To be run by `support.kill.forked`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial, partialmethod
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

# The first three only so that a fork has them.
import herdbook.edge.agent
import herdbook.edge.drift
import herdbook.edge.install  # noqa: F401
from herdbook.edge import hardware, serve, updater, updates, video
from herdbook.edge.config import CONFIG_NAME, read_device_config
from herdbook.edge.init import TOKEN_NAME
from herdbook.edge.perception.base import Perception
from herdbook.edge.serving import Engines

CLIP_BEGAN = datetime(2026, 6, 1, 11, tzinfo=UTC)
LOOK_EVERY_S = 5.0
"""Devices look at once when they are nudged."""


@dataclass(frozen=True)
class Life:
    """What a device's process is told. ``stop_at``: the step at which it waits for leave to go on, or for its end."""

    root: Path
    port: int
    clip: Path
    stop_at: str | None = None
    machine: Path | None = None
    """A file system that says what machine this is; by default it is the one that it is."""
    variables: Mapping[str, str] = field(default_factory=dict)


def live(pipe: Connection, life: Life) -> None:
    """Be a device until killed.

    It says ``("serves", url)`` once the agent listens, ``("reads", release, animals)`` once it has read the clip with
    an engine, and ``("at", step)`` where it is to stop.
    """
    os.environ.update(life.variables)
    if life.machine is not None:
        hardware.read_hardware = partial(hardware.read_hardware, life.machine, lambda package: None)
    mutex = threading.Lock()

    def say(*words: Any) -> None:
        with mutex:
            pipe.send(words)

    _stop_at(life.stop_at, say, pipe)
    config = read_device_config(life.root / CONFIG_NAME)
    stop, up = threading.Event(), threading.Event()
    updates.update_beside(life.root, config, stop, lambda said: up.set())

    def record() -> None:
        up.wait()
        camera = config.cameras[0].camera_id
        with Engines(config, life.root) as engines:
            engine = engines.make(camera)
            say("reads", engine.release.release_id, animals_in(life.clip, engine, config.cameras[0].contract()))
            while not stop.wait(0.2):
                if engines.due(camera):
                    engine = engines.make(camera) if engines.paused else engines.change(camera, engine)
                    animals = animals_in(life.clip, engine, config.cameras[0].contract())
                    say("reads", engine.release.release_id, animals)

    threading.Thread(target=record, name="recorder", daemon=True).start()
    serve.serve(
        life.root,
        config,
        life.root / TOKEN_NAME,
        host="127.0.0.1",
        port=life.port,
        ready=lambda url: say("serves", url),
    )


def animals_in(clip: Path, engine: Perception, camera: Any) -> int:
    """How many animals an engine sees in a clip."""
    frames = [(second, video.picture(frame)) for second, frame in video.decode(clip)]
    engine.open(camera, None, lambda: [picture for _, picture in frames])
    tracks = set()
    for second, picture in frames:
        seen = engine.see(CLIP_BEGAN + timedelta(seconds=second), picture)
        tracks |= {instance.track for instance in seen.instances}
    engine.close()
    return len(tracks)


def _stop_at(stop: str | None, say: Any, pipe: Connection) -> None:
    """Have the updater stop at a step, and not wait a minute between two looks."""
    activate = updater.activate

    def stopping(*arguments: Any, told: Any, **more: Any) -> Any:
        def at(step: str) -> None:
            told(step)
            if step == stop:
                say("at", step)
                pipe.recv()

        return activate(*arguments, told=at, **more)

    updater.activate = stopping  # type: ignore[assignment]
    updater.Updater.run = partialmethod(updater.Updater.run, every_s=LOOK_EVERY_S)  # type: ignore[assignment,method-assign]
