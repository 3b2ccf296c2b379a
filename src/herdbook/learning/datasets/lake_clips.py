"""Clips that ingest kept, with the animals that the herd lake knows to have been in their pens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date

from sqlalchemy import select

from herdbook.lake.attach import open_lake
from herdbook.learning.datasets.clips import Clip
from herdbook.ledger.models import ClipState, Device, FootageClip
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

_PENS = "SELECT device_id, day, camera_id, pen_id, setup FROM camera_setup"
_STAYS = "SELECT animal_id, pen_id, valid_from, valid_to FROM pen_stay"
_CLAIMS = """
SELECT DISTINCT t.device_id, t.day, t.camera_id, t.started_at, t.ended_at, i.animal_id
FROM tracklet AS t JOIN identity AS i USING (load_id, tracklet_id)
WHERE i.animal_id IS NOT NULL
"""


def lake_clips(settings: Settings, sites: Collection[str] = (), days: Collection[date] = ()) -> list[Clip]:
    """Every clip that is here, once, in the order device, day, name.

    Args:
        settings: where ledger, lake and footage are.
        sites: only these farms; all when empty.
        days: only these days; all when empty.

    Raises:
        NotInitialisedError: there is no ledger or lake.
    """
    with ledger_session(settings) as session:
        farms = {device.device_id: device.farm_id for device in session.scalars(select(Device))}
        query = select(FootageClip).where(FootageClip.state == ClipState.KEPT).order_by(FootageClip.revision)
        latest = {(clip.device_id, clip.day, clip.name): clip for clip in session.scalars(query)}
    herd = _Herd(settings)
    found: dict[str, Clip] = {}
    for (device_id, day, name), row in sorted(latest.items()):
        site = farms[device_id]
        path = settings.footage / str(row.path)
        if (sites and site not in sites) or (days and day not in days) or not path.is_file():
            continue
        found.setdefault(
            row.sha256,
            Clip(
                site,
                device_id,
                row.camera_id,
                day,
                name,
                path,
                row.sha256,
                row.started_at,
                row.ended_at,
                herd.animals(site, row),
                boxes=path.parent,
                camera=herd.cameras.get((device_id, day, row.camera_id)),
            ),
        )
    return list(found.values())


class _Herd:
    """Who may be in a clip."""

    def __init__(self, settings: Settings) -> None:
        with open_lake(settings, read_only=True) as lake:
            setups = lake.execute(_PENS).fetchall()
            self.pens = {(device, day, camera): pen for device, day, camera, pen, _ in setups}
            self.cameras = {(device, day, camera): setup for device, day, camera, _, setup in setups}
            self.stays = defaultdict(list)
            for animal, pen, start, end in lake.execute(_STAYS).fetchall():
                self.stays[pen].append((animal, start, end))
            self.claims = defaultdict(list)
            for device, day, camera, start, end, animal in lake.execute(_CLAIMS).fetchall():
                self.claims[device, day, camera].append((animal, start, end))

    def animals(self, site: str, clip: FootageClip) -> frozenset[str]:
        """Animals of the camera's pen at the time, and those that were recognised. Where the pen or its animals are not
        known, one stand-in for them all, so that the pen's clips stay together."""
        place = (clip.device_id, clip.day, clip.camera_id)
        pen = self.pens.get(place)
        known = [*self.stays.get(pen or "", ()), *self.claims.get(place, ())]
        there = {
            animal for animal, start, end in known if start < clip.ended_at and (end is None or clip.started_at < end)
        }
        if not self.stays.get(pen or ""):
            there.add(f"whoever is in {site}/{pen or 'an unknown pen'}")
        return frozenset(there)
