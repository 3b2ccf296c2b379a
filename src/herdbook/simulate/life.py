"""A pen's life, event by event: every animal has a behaviour and a pose at every instant, day after day.

Nothing is stepped: when a bout ends the next one is drawn, with a free place and a way there, and becomes knots of a
piecewise linear trajectory. Times are POSIX seconds.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from herdbook.simulate import ethology, paths
from herdbook.simulate.bodies import DISCS, Body, Floats, discs
from herdbook.simulate.ethology import LYING, RESTING, Drive, Manners, Temperament
from herdbook.simulate.layout import Layout, Rectangle
from herdbook.simulate.plan import LamenessPlan
from herdbook.simulate.trajectory import Bout, Knots, PenDay, explore, wander

BACK_OFF_M = {"eating": 0.5, "drinking": 0.45, "social": 0.15}
"""How far an animal steps back before it turns away."""
TURN_RAD_S = 1.2
MEETING_S = 4.0
"""Social contact lasts at least so long."""
TOY_SHARE = 0.4
"""Of the investigating that starts at the toy, where there is one."""
WORTH_WALKING_M = 0.3


@dataclass(frozen=True)
class Resident:
    """One animal of the pen. ``severity`` gives its lameness, 0..1, at a time."""

    animal_id: str
    body: Body
    temperament: Temperament
    severity: Callable[[float], float]


@dataclass
class _State:
    behaviour: str
    pose: Floats
    """Where it is, or is going."""
    discs: Floats
    """The body's discs at ``pose``."""
    arrives: float
    knots: Knots
    ends: float
    """When the present bout ends."""
    bouts: list[Bout] = field(default_factory=list)


class PenLife:
    """Animals of one pen, from the start of the first day on.

    Args:
        rng: draws where and how the animals are found at ``start``: asleep, or nearly.
        manners: how they go about things.
    """

    def __init__(
        self,
        layout: Layout,
        residents: Sequence[Resident],
        lameness: LamenessPlan,
        *,
        tz: ZoneInfo,
        start: float,
        rng: np.random.Generator,
        manners: Manners | None = None,
    ) -> None:
        self._manners = manners or Manners()
        self.layout = layout
        self.residents = tuple(residents)
        self._lameness = lameness
        self._tz = tz
        self._states: list[_State] = []
        self._queue: list[tuple[float, int]] = []
        for i, resident in enumerate(self.residents):
            pose = self._find("lying", i, rng, start)
            if pose is None:
                pose = paths.poses_in(layout.lying, resident.body, rng, 1)[0]
            behaviour = str(rng.choice(LYING))
            length = float(rng.uniform(0.1, 1.0)) * ethology.bout_seconds(behaviour, self._drive(i, start), rng)
            state = _State(behaviour, pose, discs(pose, resident.body), start, Knots(start, pose), start + length)
            state.knots.rest(start + length)
            state.bouts.append(Bout(resident.animal_id, start, start + length, behaviour))
            self._states.append(state)
            heapq.heappush(self._queue, (start + length, i))

    def live_day(self, start: float, end: float, rng: np.random.Generator) -> PenDay:
        """Live on until ``end`` and hand over what happened since ``start``. Days are lived in order."""
        while self._queue[0][0] < end:
            moment, i = heapq.heappop(self._queue)
            heapq.heappush(self._queue, (self._continue(i, moment, rng), i))
        day = PenDay(
            start,
            end,
            {r.animal_id: s.knots.between(start, end) for r, s in zip(self.residents, self._states, strict=True)},
            [part for s in self._states for bout in s.bouts if (part := bout.clipped(start, end)) is not None],
        )
        for state in self._states:
            state.knots.forget_before(end)
            state.bouts = [bout for bout in state.bouts if bout.ended > end]
        return day

    def _drive(self, i: int, moment: float) -> Drive:
        local = datetime.fromtimestamp(moment, self._tz)
        resident = self.residents[i]
        hour, severity = local.hour + local.minute / 60, resident.severity(moment)
        return Drive(hour, severity, resident.temperament, self._lameness, self._manners)

    def _continue(self, i: int, moment: float, rng: np.random.Generator) -> float:
        """Draw animal ``i``'s next bout from ``moment`` on; returns when it ends."""
        state, drive = self._states[i], self._drive(i, moment)
        behaviour = ethology.next_behaviour(state.behaviour, drive, rng)
        stays = behaviour in ("standing", "sitting") or (behaviour in RESTING and state.behaviour in RESTING)
        pose = None if stays else self._find(behaviour, i, rng, moment)
        if pose is None and not stays:
            behaviour = "standing"
        arrival = moment
        if pose is not None:
            arrival = self._walk(i, moment, pose, drive, rng)
            self._note(i, moment, arrival, "walking")
        ended = arrival + ethology.bout_seconds(behaviour, drive, rng)
        if behaviour == "social" and self._manners.lively:
            ended = max(arrival + MEETING_S, min(ended, self._mate_leaves(i)))
        if behaviour == "investigating" and self._manners.lively:
            self._explore(i, moment, ended, rng)
        else:
            wander(state.knots, behaviour, ended, rng)
        self._note(i, arrival, ended, behaviour)
        state.behaviour, state.ends = behaviour, ended
        return ended

    def _explore(self, i: int, moment: float, until: float, rng: np.random.Generator) -> None:
        state, body, crowd = self._states[i], self.residents[i].body, self._crowd(i, moment)
        near = crowd.radii + body.radius - self._manners.overlap_m
        low = body.radius - paths.WALL_M
        walls = np.array([self.layout.width_m, self.layout.depth_m]) - low

        def free(x: float, y: float, heading: float) -> bool:
            ahead = np.array([math.cos(heading), math.sin(heading)])
            ends = np.array([x, y]) + body.offsets[[0, -1], None] * ahead
            if (ends < low).any() or (ends > walls).any():
                return False
            return bool((((crowd.centres - ends[1]) ** 2).sum(axis=1) > near**2).all())

        explore(state.knots, until, rng, free)
        state.pose, state.discs = state.knots.last, discs(state.knots.last, body)

    def _mate_leaves(self, i: int) -> float:
        """When whoever animal ``i`` touches with its snout moves on."""
        x, y, heading = self._states[i].pose
        reach = self.residents[i].body.length_m / 2
        snout = np.array([x + reach * np.cos(heading), y + reach * np.sin(heading)])
        others = [s for j, s in enumerate(self._states) if j != i]
        return min(others, key=lambda s: float(np.hypot(*(s.discs - snout).T).min())).ends

    def _note(self, i: int, started: float, ended: float, behaviour: str) -> None:
        bouts = self._states[i].bouts
        if bouts and bouts[-1].behaviour == behaviour:
            bouts[-1] = bouts[-1]._replace(ended=ended)
        elif ended > started:
            bouts.append(Bout(self.residents[i].animal_id, started, ended, behaviour))

    def _walk(self, i: int, moment: float, pose: Floats, drive: Drive, rng: np.random.Generator) -> float:
        """Bring animal ``i`` to a pose; returns when it is there."""
        state, body = self._states[i], self.residents[i].body
        speed = ethology.walking_speed(drive, rng)
        turning = TURN_RAD_S * drive.scaled(self._lameness.speed_factor)
        if np.hypot(*(pose - state.pose)[:2]) >= WORTH_WALKING_M:
            state.knots.back_off(BACK_OFF_M.get(state.behaviour, 0.0), speed / 2)
            way = paths.find_path(state.knots.last, pose, body, self.layout, crowd=self._crowd(i, moment), rng=rng)
            state.knots.follow(way, speed, turning)
            state.knots.turn_to(float(pose[2]), turning)
        else:
            state.knots.shuffle_to(pose, speed / 2, turning)
        state.pose, state.discs, state.arrives = pose, discs(pose, body), state.knots.end
        return state.knots.end

    def _crowd(self, i: int, moment: float) -> paths.Crowd:
        """All but ``i``, where they are going and, while on their way, where they are."""
        centres, radii = [np.zeros((0, 2))], [np.zeros(0)]
        for j, state in enumerate(self._states):
            if j == i:
                continue
            body = self.residents[j].body
            centres.append(state.discs)
            if state.arrives > moment:
                centres.append(discs(state.knots.at(moment), body))
            radii.append(np.full(sum(map(len, centres)) - sum(map(len, radii)), body.radius))
        return paths.Crowd(np.concatenate(centres), np.concatenate(radii))

    def _find(self, behaviour: str, i: int, rng: np.random.Generator, moment: float) -> Floats | None:
        """A free pose for a behaviour that has its place, or none."""
        body, layout, crowd = self.residents[i].body, self.layout, self._crowd(i, moment)
        here = self._states[i].pose[:2] if i < len(self._states) else np.array([layout.width_m, layout.depth_m]) / 2
        if behaviour == "social" and self._manners.lively:
            proposals = self._touching_another(i, moment, rng)
        elif behaviour == "investigating" and layout.toy is not None and rng.random() < TOY_SHARE:
            targets = np.tile(np.array(layout.toy), (2 * paths.PROPOSALS, 1))
            proposals = paths.poses_facing(targets, body, 0.05, rng)
        elif behaviour == "eating":
            proposals = paths.at_places(layout.eating_places(), body, rng)
        elif behaviour == "drinking":
            proposals = paths.at_places(layout.drinking_places(), body, rng)
        elif behaviour == "social":
            proposals = self._near_another(i, rng)
        elif behaviour in LYING:
            proposals = paths.poses_in(layout.lying, body, rng)
        else:
            proposals = paths.poses_in(
                Rectangle(x0=0.35, y0=0.0, x1=layout.width_m - 0.35, y1=layout.depth_m), body, rng
            )
        preference = 0.25 * np.hypot(*(proposals[:, :2] - here).T) + rng.random(len(proposals))
        if behaviour in LYING and len(crowd.centres):  # pigs lie close to one another
            gaps = proposals[:, None, :2] - crowd.centres[None]
            preference += self._manners.huddling * np.hypot(gaps[..., 0], gaps[..., 1]).min(axis=1)
        return paths.settle(body, proposals, layout, crowd, preference, tolerance_m=self._manners.overlap_m)

    def _near_another(self, i: int, rng: np.random.Generator) -> Floats:
        others = [j for j in range(len(self._states)) if j != i]
        if not others:
            return np.zeros((0, 3))
        chosen = rng.choice(others, 2 * paths.PROPOSALS)
        targets = np.stack([self._states[j].pose[:2] for j in chosen])
        return paths.poses_facing(targets, self.residents[i].body, 0.28, rng)

    def _touching_another(self, i: int, moment: float, rng: np.random.Generator) -> Floats:
        """Poses with the snout on the head, flank or rump of a pen-mate that is at rest and stays for a while."""
        stays = [
            j
            for j, s in enumerate(self._states)
            if j != i and s.arrives <= moment + 2 and s.ends > moment + 3 * MEETING_S and s.behaviour != "investigating"
        ]
        if not stays:
            return np.zeros((0, 3))
        chosen = rng.choice(stays, 3 * paths.PROPOSALS)
        parts = rng.integers(0, DISCS, len(chosen))
        targets = np.stack([self._states[j].discs[p] for j, p in zip(chosen, parts, strict=True)])
        gaps = np.array([self.residents[j].body.radius for j in chosen]) - 0.02
        return paths.poses_facing(targets, self.residents[i].body, gaps, rng)
