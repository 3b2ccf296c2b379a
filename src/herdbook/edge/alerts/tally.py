"""A day's rows, taken as they come, to the summary that rules are evaluated on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from herdbook.contracts.alerts import AlertRules, NotAtFeederRule, Subject
from herdbook.contracts.camera import Camera, ZoneKind
from herdbook.contracts.digest import sha256_of_bytes
from herdbook.contracts.ethogram import Posture, load_ethogram
from herdbook.edge.alerts.crowds import Crowds, Place
from herdbook.edge.alerts.spans import Span, Spans, common, merged, total, within
from herdbook.edge.alerts.summary import DaySummary, Lain, SubjectDay
from herdbook.edge.naming import Name

_TOUCH_S = 1.0
"""Bouts that are no further apart are one stretch of observation."""


class BoutRow(NamedTuple):
    """A bout, with instants in seconds since 1970."""

    tracklet_id: str
    start: float
    end: float
    behaviour: str
    zone_id: str | None
    clip: str | None
    release_id: str


@dataclass
class _Seen:
    """What is gathered of one tracklet."""

    seen: Spans = field(default_factory=list)
    visits: dict[str, Spans] = field(default_factory=dict)
    lain: dict[str, list[float]] = field(default_factory=dict)

    def see(self, span: Span) -> None:
        if self.seen and 0 <= span[0] - self.seen[-1][1] <= _TOUCH_S:
            self.seen[-1] = (self.seen[-1][0], span[1])
        else:
            self.seen.append(span)


class DayTally:
    """One day of one device."""

    def __init__(self, day: date, extent: Span, cameras: Sequence[Camera], rules: AlertRules) -> None:
        """Begin.

        Args:
            day: farm-local.
            extent: its start and end, seconds since 1970.
            cameras: with their zones.
            rules: which visits and crowds they ask for.
        """
        self._day, self._extent, self._rules = day, extent, rules
        self._pens = {camera.camera_id: camera.pen_id for camera in cameras}
        self._feeders = {z.zone_id for c in cameras for z in c.zones if z.kind is ZoneKind.FEEDER}
        self._postures = {b.name: b.posture for b in load_ethogram(rules.ethogram_id).behaviours}
        self._visits = [rule for rule in rules.rules if isinstance(rule, NotAtFeederRule)]
        self._crowds = {camera.camera_id: Crowds(camera, rules) for camera in cameras}
        self._tracklets: dict[str, _Seen] = defaultdict(_Seen)
        self._camera_of: dict[str, str] = {}
        self._clips: dict[str, dict[str, float]] = defaultdict(dict)

    def add_tracklets(self, rows: Iterable[tuple[str, str]]) -> None:
        """Take tracklets with their cameras, before their bouts."""
        self._camera_of.update(rows)

    def add_bouts(self, rows: Iterable[BoutRow]) -> None:
        """Take bouts, each once, those of a tracklet in the order of time."""
        for row in rows:
            camera = self._camera_of.get(row.tracklet_id)
            if camera is None or row.end <= row.start:
                continue
            tracklet = self._tracklets[row.tracklet_id]
            tracklet.see((row.start, row.end))
            posture = self._postures.get(row.behaviour)
            sums = tracklet.lain.setdefault(row.release_id, [0.0, 0.0])
            sums[0] += row.end - row.start if posture is Posture.LYING else 0.0
            sums[1] += row.end - row.start
            at_feeder = row.zone_id in self._feeders and posture is not Posture.LYING
            for rule in self._visits:
                if (at_feeder or row.behaviour in rule.behaviours) and row.end - row.start >= rule.shortest_visit_s:
                    tracklet.visits.setdefault(rule.rule_id, []).append((row.start, row.end))
            if row.clip is not None:
                known = self._clips[camera]
                known[row.clip] = min(row.start, known.get(row.clip, row.start))

    def add_places(self, camera_id: str, places: Iterable[Place]) -> None:
        """Take boxes of a camera."""
        if camera_id in self._crowds:
            self._crowds[camera_id].add(places)

    def summary(
        self,
        names: Mapping[str, Name],
        watched: Mapping[str, Spans],
        settled: Mapping[str, float],
        *,
        final: bool,
        release_id: str,
    ) -> DaySummary:
        """The day so far.

        Args:
            names: of tracklets that have one.
            watched: of each camera, when it was fully on.
            settled: of each camera that was heard from, from when on rows may still come, seconds since 1970.
            final: whether no more will come.
            release_id: what records now.
        """
        pens: dict[str, float] = {}
        for camera, until in settled.items():
            pen_id = self._pens[camera]
            pens[pen_id] = min(until, self._extent[1], pens.get(pen_id, until))
        subjects = [*self._animals(names, watched), *self._whole_pens(watched, pens)]
        return DaySummary(
            day=self._day,
            starts=self._extent[0],
            ends=self._extent[1],
            until=max(pens.values(), default=self._extent[0]),
            settled=dict(sorted(pens.items())),
            final=final,
            release_id=release_id,
            rules_sha256=sha256_of_bytes(self._rules.to_bytes()),
            subjects=tuple(sorted(subjects, key=lambda s: (s.about, s.subject_id))),
            crowds=tuple(day for _, crowds in sorted(self._crowds.items()) for day in crowds.days(pens)),
            clips={
                camera: tuple(sorted((since, name) for name, since in clips.items()))
                for camera, clips in sorted(self._clips.items())
            },
        )

    def _animals(self, names: Mapping[str, Name], watched: Mapping[str, Spans]) -> Iterable[SubjectDay]:
        """Named animals by name; of the others those that were followed for long enough to matter."""
        shortest = min((3600 * rule.hours for rule in self._visits if rule.about is Subject.ANIMAL), default=None)
        named: dict[str, list[str]] = defaultdict(list)
        for tracklet_id, tracklet in self._tracklets.items():
            if tracklet_id in names:
                named[names[tracklet_id].animal_id].append(tracklet_id)
            elif shortest is not None and total(tracklet.seen) >= shortest:
                yield self._subject(Subject.TRACKLET, tracklet_id, [tracklet_id], watched)
        for animal_id, ids in named.items():
            sure = min(names[tracklet_id].confidence for tracklet_id in ids)
            yield self._subject(Subject.ANIMAL, animal_id, ids, watched, sure)

    def _whole_pens(self, watched: Mapping[str, Spans], settled: Mapping[str, float]) -> Iterable[SubjectDay]:
        of_pen: dict[str, list[str]] = defaultdict(list)
        for tracklet_id in self._tracklets:
            of_pen[self._pens[self._camera_of[tracklet_id]]].append(tracklet_id)
        for pen_id, ids in of_pen.items():
            whole = self._subject(Subject.PEN, pen_id, ids, watched)
            seen = within(whole.seen, self._extent[0], settled.get(pen_id, self._extent[0]))
            yield whole.model_copy(update={"seen": seen, "span_s": total(seen)})

    def _subject(
        self,
        about: Subject,
        subject_id: str,
        ids: Sequence[str],
        watched: Mapping[str, Spans],
        confidence: float | None = None,
    ) -> SubjectDay:
        by_camera: dict[str, Spans] = defaultdict(list)
        visits: dict[str, Spans] = defaultdict(list)
        lain: dict[str, list[float]] = {}
        for tracklet_id in ids:
            tracklet = self._tracklets[tracklet_id]
            by_camera[self._camera_of[tracklet_id]] += tracklet.seen
            for rule_id, spans in tracklet.visits.items():
                visits[rule_id] += spans
            for release_id, (lying, judged) in tracklet.lain.items():
                sums = lain.setdefault(release_id, [0.0, 0.0])
                sums[0] += lying
                sums[1] += judged
        seen = merged(
            span
            for camera, spans in by_camera.items()
            for span in common(merged(spans, _TOUCH_S), watched.get(camera, []))
        )
        cameras = sorted(by_camera)
        return SubjectDay(
            about=about,
            subject_id=subject_id,
            pen_id=self._pens[cameras[-1]],
            confidence=confidence,
            cameras=tuple(cameras),
            seen=seen,
            visits={rule_id: merged(spans) for rule_id, spans in sorted(visits.items())},
            lain={release: Lain(lying_s=s[0], judged_s=s[1]) for release, s in sorted(lain.items())},
            span_s=total(seen),
        )
