"""``device.yaml`` of a simulated device, as `herdbook edge record` reads it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np

from herdbook.contracts import farmtime
from herdbook.contracts.camera import Calibration, Camera, Zone, ZoneKind
from herdbook.simulate.bodies import Floats
from herdbook.simulate.farm import Farm, Pen, SimulatedCamera
from herdbook.simulate.layout import Rectangle
from herdbook.simulate.roster import SETTLED_DAYS
from herdbook.simulate.stage.lens import Lens
from herdbook.simulate.tables import write_yaml

FOOTAGE = "footage"
BACKGROUND = "background.png"


def footage_folder(camera_id: str) -> str:
    """Where a camera's clips and its empty-pen picture lie, relative to the device's folder."""
    return f"{FOOTAGE}/{camera_id}"


def camera_contract(farm: Farm, pen: Pen, camera: SimulatedCamera) -> Camera:
    """A camera with its zones and its exact calibration."""
    plan, layout = farm.plan, pen.layout
    since = farmtime.day_extent(plan.start_day - timedelta(days=SETTLED_DAYS), plan.timezone).start
    areas = (
        ("trough", ZoneKind.FEEDER, layout.feeder_zone),
        ("drinkers", ZoneKind.DRINKER, layout.drinker_zone),
        ("lying-area", ZoneKind.LYING, layout.lying),
    )
    if plan.stage is None:
        error_m = 0.0

        def pixels(area: Rectangle) -> Floats:
            return camera.pixels(np.array(area.corners))

    else:
        lens = Lens(plan.stage.mount, layout, (plan.width, plan.height))
        error_m = round(lens.homography(layout)[1], 4)

        def pixels(area: Rectangle) -> Floats:
            return lens.project(_along(area))

    zones = [
        Zone(zone_id=name, kind=kind, polygon=polygon, valid_from=since)
        for name, kind, area in areas
        if (polygon := _seen(pixels(area), plan.width, plan.height))
    ]
    calibration = Calibration(
        calibration_id=f"{camera.camera_id}-true", homography=camera.homography, error_m=error_m, valid_from=since
    )
    return Camera(
        camera_id=camera.camera_id,
        pen_id=camera.pen_id,
        width=plan.width,
        height=plan.height,
        fps=plan.fps,
        zones=tuple(zones),
        calibrations=(calibration,),
    )


def write_device_file(path: Path, farm: Farm, device_id: str) -> None:
    """Write ``device.yaml``."""
    cameras = []
    for pen in farm.pens_of(device_id):
        for camera in farm.cameras_of(pen.pen_id):
            folder = footage_folder(camera.camera_id)
            said = camera_contract(farm, pen, camera).model_dump(mode="json", exclude_none=True)
            cameras.append(said | {"source": folder, "background": f"{folder}/{BACKGROUND}"})
    write_yaml(
        path,
        {
            "device_id": device_id,
            "farm_id": farm.plan.farm_id,
            "timezone": farm.plan.timezone,
            "cameras": cameras,
        },
    )


def _along(area: Rectangle) -> Floats:
    """Points along an area's sides, as many as a bent picture of it needs."""
    corners = np.array([*area.corners, area.corners[0]])
    return np.concatenate([a + (b - a) * np.linspace(0, 1, 6)[:-1, None] for a, b in pairwise(corners)])


def _seen(pixels: Floats, width: int, height: int) -> tuple[tuple[float, float], ...]:
    """The part of a floor area, its outline in pixels ``[n, 2]``, that is in the picture; empty where none is."""
    polygon: list[tuple[float, float]] = [(float(x), float(y)) for x, y in pixels]
    for axis, limit, sign in ((0, 0.0, 1), (0, float(width), -1), (1, 0.0, 1), (1, float(height), -1)):
        polygon = list(_cut(polygon, axis, limit, sign))
    return tuple((round(x, 1), round(y, 1)) for x, y in polygon) if len(polygon) >= 3 else ()


def _cut(polygon: list[tuple[float, float]], axis: int, limit: float, sign: int) -> Iterable[tuple[float, float]]:
    """The part of a polygon on one side of an axis-parallel line (Sutherland & Hodgman 1974)."""
    for a, b in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        inside_a, inside_b = (sign * (p[axis] - limit) >= 0 for p in (a, b))
        if inside_a:
            yield a
        if inside_a != inside_b:
            t = (limit - a[axis]) / (b[axis] - a[axis])
            yield a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])
