"""The farm's roster as `herdbook roster import` reads it: one CSV file per table of ``sql/roster``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from herdbook.contracts import farmtime
from herdbook.simulate.farm import Farm
from herdbook.simulate.tables import write_csv

SETTLED_DAYS = 28
"""Animals, tags and cameras are in place so long before the first day."""
EAR_TAG_SCHEME = "management"
TRANSPONDER_SCHEME = "iso-11785"


def write_roster(folder: Path, farm: Farm) -> None:
    """Write ``farms``, ``pens``, ``devices``, ``cameras``, ``animals``, ``identifiers`` and ``pen_stays`` as CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = farm.plan
    since = farmtime.day_extent(plan.start_day - timedelta(days=SETTLED_DAYS), plan.timezone).start.isoformat()
    write_csv(folder / "farms.csv", ("farm_id", "name", "timezone"), [(plan.farm_id, "Simulated farm", plan.timezone)])
    areas = [(p, round(p.layout.width_m * p.layout.depth_m, 2)) for p in farm.pens]
    write_csv(
        folder / "pens.csv",
        ("pen_id", "farm_id", "name", "area_m2"),
        [(p.pen_id, plan.farm_id, p.pen_id.replace("-", " ").capitalize(), area) for p, area in areas],
    )
    write_csv(
        folder / "devices.csv", ("device_id", "farm_id", "sku"), [(d, plan.farm_id, "simulated") for d in farm.devices]
    )
    write_csv(
        folder / "cameras.csv",
        ("camera_id", "pen_id", "device_id", "disjoint_from", "valid_from", "valid_to"),
        [
            (
                c.camera_id,
                c.pen_id,
                c.device_id,
                ";".join(o.camera_id for o in farm.cameras if o.pen_id != c.pen_id),
                since,
                None,
            )
            for c in farm.cameras
        ],
    )
    write_csv(
        folder / "animals.csv",
        ("animal_id", "farm_id", "species", "sex", "born_on"),
        [
            (a.animal_id, plan.farm_id, "pig" if plan.stage is None else plan.stage.species, a.sex, a.born_on)
            for a in farm.animals
        ],
    )
    tags = [
        (a, scheme, name)
        for a in farm.animals
        for scheme, name in ((EAR_TAG_SCHEME, a.ear_tag), (TRANSPONDER_SCHEME, a.transponder))
    ]
    write_csv(
        folder / "identifiers.csv",
        ("animal_id", "farm_id", "scheme", "identifier", "valid_from", "valid_to"),
        [(a.animal_id, plan.farm_id, scheme, name, since, None) for a, scheme, name in tags],
    )
    write_csv(
        folder / "pen_stays.csv",
        ("animal_id", "pen_id", "valid_from", "valid_to"),
        [(a.animal_id, a.pen_id, since, None) for a in farm.animals],
    )
