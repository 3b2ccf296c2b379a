"""From a device's records to a day's summary: of an issued revision, from its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from herdbook.contracts.alerts import AlertRules
from herdbook.contracts.device_day import FileKind, Manifest
from herdbook.contracts.farmtime import day_extent
from herdbook.contracts.records import CameraState, RecordKind
from herdbook.edge.alerts.crowds import LOOKED_AT_S, Place
from herdbook.edge.alerts.spans import Spans, merged
from herdbook.edge.alerts.summary import DaySummary
from herdbook.edge.alerts.tally import BoutRow, DayTally
from herdbook.edge.naming import Embeddings, Name, Namer, Sighting

_TOUCH_S = 0.001


def summary_of_revision(folder: Path, manifest: Manifest, rules: AlertRules, names: Mapping[str, Name]) -> DaySummary:
    """The summary of an issued revision.

    Args:
        folder: with the manifest's files.
        manifest: of the revision.
        rules: say what visits and crowds are.
        names: of tracklets that have one.
    """
    tables = {kind: pq.read_table(folder / manifest.record_file(kind).name) for kind in _READ}
    extent = tally_extent(manifest.day, manifest.timezone)
    tally = DayTally(manifest.day, extent, manifest.cameras, rules)
    feed(tally, tables[RecordKind.TRACKLET], tables[RecordKind.BOUT])
    for file in manifest.of_kind(FileKind.BOXES):
        if file.camera_id is not None:
            tally.add_places(file.camera_id, _places(folder / file.name))
    watched = watched_spans(tables[RecordKind.COVERAGE])
    ends = seconds(tables[RecordKind.COVERAGE], "ended_at")
    until = extent[1] if manifest.final else float(ends.max(initial=extent[0]))
    release_id = manifest.releases[-1].release_id
    settled = {camera.camera_id: until for camera in manifest.cameras}
    return tally.summary(names, watched, settled, final=manifest.final, release_id=release_id)


_READ = (RecordKind.COVERAGE, RecordKind.TRACKLET, RecordKind.BOUT)


def names_of_revision(folder: Path, manifest: Manifest, namer: Namer, space_id: str) -> dict[str, Name]:
    """The provisional names of an issued revision's tracklets.

    Raises:
        ReleaseDataError: the pools do not fit the revision's embeddings.
    """
    tracklets = pq.read_table(folder / manifest.record_file(RecordKind.TRACKLET).name)
    looks = pq.read_table(folder / manifest.record_file(RecordKind.EMBEDDING).name)
    times = [seconds(tracklets, name).tolist() for name in ("started_at", "ended_at")]
    names = [tracklets[name].to_pylist() for name in ("tracklet_id", "camera_id")]
    mine = looks.filter(pc.equal(looks["space_id"], space_id)).sort_by(
        [("tracklet_id", "ascending"), ("at", "ascending")]
    )
    vectors = mine["vector"].combine_chunks()
    flat = np.asarray(vectors.flatten(), np.float64)
    width = len(flat) // len(mine) if len(mine) else 0
    scaled = flat.reshape(len(mine), width) * mine["scale"].to_numpy()[:, None]
    seen = Embeddings(mine["tracklet_id"].to_pylist(), scaled, mine["quality"].to_numpy().astype(np.float64))
    return namer.names(list(map(Sighting, *names, *times)), seen)


def tally_extent(day: date, timezone: str) -> tuple[float, float]:
    """A farm-local day in seconds since 1970."""
    extent = day_extent(day, timezone)
    return extent.start.timestamp(), extent.end.timestamp()


def feed(tally: DayTally, tracklets: pa.Table, bouts: pa.Table) -> None:
    """Give a tally tracklet and bout records (`herdbook.contracts.records`), in any order."""
    tally.add_tracklets(zip(*(tracklets[name].to_pylist() for name in ("tracklet_id", "camera_id")), strict=True))
    ordered = bouts.sort_by([("tracklet_id", "ascending"), ("started_at", "ascending")])
    columns = [ordered[name].to_pylist() for name in ("behaviour", "zone_id", "clip", "release_id")]
    times = (seconds(ordered, name).tolist() for name in ("started_at", "ended_at"))
    tally.add_bouts(map(BoutRow, ordered["tracklet_id"].to_pylist(), *times, *columns))


def watched_spans(coverage: pa.Table) -> dict[str, Spans]:
    """Of each camera, when it was fully on: a degraded picture may have missed a visit."""
    on = coverage.filter(pc.equal(coverage["state"], CameraState.ON.value))
    found: dict[str, Spans] = {}
    rows = zip(on["camera_id"].to_pylist(), seconds(on, "started_at"), seconds(on, "ended_at"), strict=True)
    for camera, start, end in rows:
        found.setdefault(camera, []).append((float(start), float(end)))
    return {camera: merged(spans, _TOUCH_S) for camera, spans in found.items()}


def seconds(table: pa.Table, column: str) -> NDArray[np.float64]:
    """A column of instants as seconds since 1970."""
    return np.asarray(table[column].cast(pa.int64()).to_numpy() / 1e6, np.float64)


def _places(path: Path) -> Iterator[Place]:
    """The boxes that are looked at, a row group after the other: a day of them does not fit in memory."""
    with pq.ParquetFile(path) as boxes:
        for batch in boxes.iter_batches(columns=["at", "tracklet_id", "x", "y", "width", "height"]):
            at = batch.column("at").cast(pa.int64()).to_numpy() / 1e6
            chosen = batch.filter(pa.array(at % 60 < LOOKED_AT_S))
            rest = [chosen.column(name).to_pylist() for name in ("tracklet_id", "x", "y", "width", "height")]
            yield from zip((at[at % 60 < LOOKED_AT_S]).tolist(), *rest, strict=True)
