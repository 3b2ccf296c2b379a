"""One camera's day through the engine: clips in, files and rows out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from herdbook.contracts.device_day import DayFile, FileKind
from herdbook.contracts.farmtime import DayExtent, day_extent
from herdbook.contracts.identifiers import tracklet_prefix
from herdbook.contracts.records import CameraState, RecordKind
from herdbook.edge import video
from herdbook.edge.alerts.crowds import Place, is_looked_at
from herdbook.edge.clips import SourceClip, snap
from herdbook.edge.config import DeviceCamera, DeviceConfig
from herdbook.edge.coverage import Spell
from herdbook.edge.perception.background import MAX_SAMPLES
from herdbook.edge.perception.base import Image
from herdbook.edge.prepare import Prepared, encode_again, prepare
from herdbook.edge.revision import BoxesFile, describe
from herdbook.edge.rows import Rows, tracklet_rows
from herdbook.edge.serving import Engines
from herdbook.edge.spool import note_gap
from herdbook.edge.tracklets import Gathering, Moment, Tracklet
from herdbook.errors import ConfigurationError, VideoSourceError

_SAMPLED_CLIPS = 12
_FIRST_SLOT_S = 10.0
_BETTER = 1.1  # an embedding replaces another that is this much worse

Advance = Callable[[float], None]
"""Told how many more seconds of footage are done."""


@dataclass
class CameraDay:
    """What a camera's day came to."""

    files: list[DayFile] = field(default_factory=list)
    spells: list[Spell] = field(default_factory=list)
    rows: Rows = field(default_factory=lambda: {kind: [] for kind in RecordKind})
    frames: int = 0
    places: list[Place] | None = None
    """Where animals were once a minute, for alerts while the day is under way; none where nobody asks."""


class Watch:
    """Feed it a camera's clips in the order of time, then close it."""

    def __init__(
        self,
        camera: DeviceCamera,
        config: DeviceConfig,
        day: date,
        *,
        folder: Path,
        spool: Path,
        engines: Engines,
        known: list[Path],
        advance: Advance,
    ) -> None:
        """Open the engine.

        Args:
            folder: where the day's files are being gathered.
            spool: where the camera's live footage waits, if it is live.
            engines: makes the engine, and says when it is to change.
            known: clips that are there already; the engine may look ahead in them.

        Raises:
            ConfigurationError: the background picture's size is not the camera's.
        """
        self.day = CameraDay()
        self._camera, self._config, self._folder, self._advance = camera, config, folder, advance
        self._contract = camera.contract()
        self._extent: DayExtent = day_extent(day, config.timezone)
        self._prefix = f"{tracklet_prefix(config.device_id, day.isoformat())}{camera.camera_id}:"
        self._period = timedelta(seconds=1 / camera.fps)
        self._engines, self._spool = engines, spool
        self._engine = engines.make(camera.camera_id)
        self._gathering = Gathering(self._engine.lost_s)
        self._boxes = BoxesFile(folder, camera.camera_id)
        self._end: datetime | None = None
        self._looked: dict[int, datetime] = {}
        self._known = known
        self._background = self._read_background()
        self._opened = False

    def clip(self, clip: SourceClip) -> None:
        """One source clip: unreadable ones become time that the camera was off, with the reason."""
        clip = SourceClip(clip.path, snap(clip.start, self._end))
        try:
            header = video.probe(clip.path)
            self._check_size(clip, header)
            self._period = timedelta(seconds=1 / self._rate(header))
            for prepared in prepare(
                clip,
                header,
                extent=self._extent,
                camera_id=self._camera.camera_id,
                folder=self._folder,
                clip_s=self._config.clip_s,
            ):
                self._look(prepared)
        except VideoSourceError as error:
            self._off(clip, error.message)

    def close(self) -> CameraDay:
        """Finish tracklets and files."""
        self._finish(None)
        self._boxes.close()
        if self._opened:
            self._engine.close()
        self._engines.leave(self._camera.camera_id)
        path = self._boxes.path
        self.day.files.append(describe(path, FileKind.BOXES, rows=self._boxes.rows, camera_id=self._camera.camera_id))
        return self.day

    @property
    def settled(self) -> datetime:
        """The instant before which no further row will begin."""
        seen = self._extent.start if self._end is None else self._end
        return min(seen, self._gathering.open_since or seen)

    def idle(self) -> None:
        """No clip is there to look at: a good moment for another engine."""
        if self._engines.due(self._camera.camera_id):
            self._change_engine()

    # -- a clip ---------------------------------------------------------------------------------------------------

    def _look(self, clip: Prepared) -> None:
        self.idle()
        if not self._opened:
            self._open(clip.path)
        damage = video.Damage()
        period_s = self._period.total_seconds()
        stop_s = max(self._config.motion.lost_s, 3 * period_s)
        spells: list[Spell] = []
        began = last = None
        done = 0.0
        frame_number = 0
        for second, frame in video.decode(clip.path, damage):
            frame_number += 1
            at = clip.start + timedelta(microseconds=round(second * 1e6))
            if self._end is not None and at < self._end - self._period / 2:
                continue  # this was seen already, in the clip before
            if began is None or last is None or (at - last).total_seconds() > stop_s:
                if began is not None and last is not None:
                    spells.append(Spell(began, last + self._period, CameraState.ON))
                began = at
            last = at
            self._see(at, clip.path.name, frame_number, video.picture(frame), spells)
            if second - done >= 1:
                self._advance(second - done)
                done = second
        if began is None or last is None:
            clip.path.unlink()
            if not frame_number:
                self._off(SourceClip(clip.path, clip.start), damage.message or "no frame can be decoded")
            return
        spells.append(Spell(began, last + self._period, CameraState.ON))
        spells += [
            Spell(self._after(clip, a), self._after(clip, b), CameraState.DEGRADED, damage.message)
            for a, b in damage.spans
        ]
        rate = frame_number / sum((s.end - s.start).total_seconds() for s in spells if s.state is CameraState.ON)
        if rate < 0.5 * self._camera.fps:
            reason = f"{rate:.1f} of {self._camera.fps:g} frames per second"
            spells.append(Spell(began, last + self._period, CameraState.DEGRADED, reason))
        self.day.spells += spells
        self.day.frames += frame_number
        if damage.spans:
            encode_again(clip.path)
        self._end = last + self._period
        self.day.files.append(
            describe(
                clip.path,
                FileKind.CLIP,
                camera_id=self._camera.camera_id,
                started_at=clip.start,
                ended_at=min(self._end, self._extent.end),
            )
        )
        self._finish(last)

    def _see(self, at: datetime, clip: str, number: int, image: Image, spells: list[Spell]) -> None:
        seen = self._engine.see(at, image)
        if seen.trouble is not None:
            spell = Spell(at, at + self._period, CameraState.DEGRADED, seen.trouble)
            if spells and spells[-1].reason == seen.trouble and at - spells[-1].end < self._period:
                spell = Spell(spells.pop().start, spell.end, spell.state, spell.reason)
            spells.append(spell)
        for instance in seen.instances:
            tracklet = self._gathering.add(at, clip, number, instance, self._period.total_seconds())
            looked = self._looked.get(tracklet.number)
            if looked is None or (at - looked).total_seconds() >= 1:
                self._looked[tracklet.number] = at
                slot = self._slot(tracklet)
                best = tracklet.moments.get(slot)
                if best is None or instance.quality > _BETTER * best.quality:
                    tracklet.moments[slot] = Moment(at, clip, instance.quality, self._engine.embed(instance))

    def _slot(self, tracklet: Tracklet) -> int:
        """Each slot of time keeps its best embedding: the first ten seconds, then as the reference rate says."""
        if tracklet.seconds < _FIRST_SLOT_S:
            return 0
        return 1 + int(tracklet.seconds * self._config.embeddings_per_hour / 3600)

    def _finish(self, now: datetime | None) -> None:
        """Write what can change no more."""
        boxes = []
        for tracklet in self._gathering.ended(now):
            boxes += tracklet.boxes
            found = tracklet_rows(
                tracklet,
                f"{self._prefix}{tracklet.number}",
                camera=self._contract,
                engine=self._engine,
                period_s=self._period.total_seconds(),
                end=self._extent.end,
                bout_s=self._engine.min_bout_s,
            )
            for kind, rows in found.items():
                self.day.rows[kind] += rows
            self._looked.pop(tracklet.number, None)
        boxes += self._gathering.take_boxes()
        boxes = [row | {"tracklet_id": f"{self._prefix}{row['number']}"} for row in boxes]
        self._boxes.write(boxes)
        if self.day.places is not None:
            self.day.places += [
                (row["at"].timestamp(), row["tracklet_id"], row["x"], row["y"], row["width"], row["height"])
                for row in boxes
                if is_looked_at(row["at"].timestamp())
            ]

    # -- what is wrong with it --------------------------------------------------------------------------------------

    def _off(self, clip: SourceClip, reason: str) -> None:
        """An unreadable clip says only when it starts; it is taken to have been as long as clips are."""
        end = clip.start + timedelta(seconds=self._config.clip_s)
        self.day.spells.append(Spell(clip.start, end, CameraState.OFF, f"{clip.path.name}: {reason}"))

    def _rate(self, header: video.Probe) -> float:
        """Frames per second of a clip: what its header says, unless that cannot be."""
        usual = self._camera.fps
        return header.fps if usual / 10 <= header.fps <= 1.25 * usual else usual

    def _check_size(self, clip: SourceClip, header: video.Probe) -> None:
        if (header.width, header.height) != (self._camera.width, self._camera.height):
            raise VideoSourceError(
                f"{clip.path.name} is {header.width}x{header.height}, "
                f"the camera is {self._camera.width}x{self._camera.height}"
            )

    def _open(self, first: Path) -> None:
        """Open the engine at the first clip: before, a live camera has shown nothing to look ahead in."""
        ahead = self._known or [first]
        stride = -(-len(ahead) // _SAMPLED_CLIPS)
        self._engine.open(self._contract, self._background, lambda: video.samples(ahead[::stride], MAX_SAMPLES))
        self._opened = True

    def _change_engine(self) -> None:
        """End every tracklet: no row is made by two releases. Footage of a pause is looked at after it."""
        self._finish(None)
        if self._opened:
            self._engine.close()
            self._opened = False
        camera_id = self._camera.camera_id
        if self._engines.paused:
            name = self._engine.release.release_id
            del self._engine
            began, ended = self._engines.wait(camera_id)
            self._engine = self._engines.make(camera_id)
            if self._camera.is_live:
                reason = f"engine out for a switch of releases ({name} to {self._engine.release.release_id})"
                note_gap(self._spool, began, ended, f"{reason}; looked at afterwards", state=CameraState.DEGRADED)
        else:
            self._engine = self._engines.change(camera_id, self._engine)
        self._gathering.wait_for(self._engine.lost_s)

    def _read_background(self) -> Image | None:
        if self._camera.background is None:
            return None
        image = video.read_picture(self._camera.background)
        if image.shape[:2] != (self._camera.height, self._camera.width):
            raise ConfigurationError(
                f"{self._camera.background} is {image.shape[1]}x{image.shape[0]}, "
                f"camera '{self._camera.camera_id}' is {self._camera.width}x{self._camera.height}"
            )
        return image

    def _after(self, clip: Prepared, second: float) -> datetime:
        return clip.start + timedelta(microseconds=round(second * 1e6))
