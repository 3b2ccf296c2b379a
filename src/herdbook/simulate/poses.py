"""How animals are drawn at each frame: their pose on the floor, their look, and the small motions of living bodies."""

from __future__ import annotations

import numpy as np

from herdbook.contracts.ethogram import Posture, load_ethogram
from herdbook.simulate.bodies import Floats
from herdbook.simulate.ethology import ETHOGRAM
from herdbook.simulate.farm import Animal
from herdbook.simulate.render import Pose
from herdbook.simulate.sprites import Look, nearest_bend
from herdbook.simulate.trajectory import Bout, PenDay

BEND_PER_TURN_S = 0.5
"""An animal that turns at 1 rad/s bends by this."""


def poses_at(day: PenDay, animals: tuple[Animal, ...], times: Floats) -> list[list[Pose]]:
    """For each of ``times [n]`` the poses of the animals, in their order."""
    postures = {b.name: b.posture for b in load_ethogram(ETHOGRAM).behaviours}
    columns = []
    for k, animal in enumerate(animals):
        trajectory = day.trajectories[animal.animal_id]
        at, before, after = (trajectory.at(times + d) for d in (0.0, -0.4, 0.4))
        turning = (after[:, 2] - before[:, 2]) / 0.8
        bouts = bouts_at(day, animal.animal_id, times)
        columns.append(
            [
                _pose(at[i], turning[i], bouts[i], postures[bouts[i].behaviour], times[i] + 1.7 * k)
                for i in range(len(times))
            ]
        )
    return [list(frame) for frame in zip(*columns, strict=True)]


def bouts_at(day: PenDay, animal_id: str, times: Floats) -> list[Bout]:
    """What an animal does at each of ``times [n]``."""
    bouts = sorted(b for b in day.bouts if b.animal_id == animal_id)
    found = np.searchsorted([b.started for b in bouts], times, side="right") - 1
    return [bouts[i] for i in found]


def _pose(at: Floats, turning: float, bout: Bout, posture: Posture, phase: float) -> Pose:
    x, y, heading = (float(v) for v in at)
    if posture is Posture.LYING:
        # the side it lies on stays for the bout
        look = Look(posture, side=1 if int(bout.started) % 2 else -1)
        return Pose(x, y, heading, look, breath=1 + 0.012 * np.sin(2 * np.pi * 0.4 * phase))
    if bout.behaviour == "walking":
        heading += 0.05 * np.sin(2 * np.pi * 1.3 * phase)
    elif bout.behaviour in ("eating", "drinking"):
        nod = 0.012 * np.sin(2 * np.pi * 0.7 * phase)
        x, y = x + nod * np.cos(heading), y + nod * np.sin(heading)
    bend = nearest_bend(float(np.clip(turning * BEND_PER_TURN_S, -1, 1)))
    return Pose(x, y, heading, Look(posture, bend=bend if posture is Posture.STANDING else 0.0))
