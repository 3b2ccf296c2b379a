"""What is written is what the other parts of the platform read."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from herdbook.contracts import farmtime
from herdbook.contracts.camera import ZoneKind
from herdbook.edge.config import read_device_config
from herdbook.errors import ConfigurationError, NotFoundError
from herdbook.labels.facts import read_fact
from herdbook.labels.kinds import LabelKind
from herdbook.labels.mapping import load_mapping
from herdbook.roster.importer import read_sheets, validate
from herdbook.roster.rows import TABLES
from herdbook.roster.sheets import read_csv
from herdbook.simulate.farm import read_farm, write_farm
from support.written_farm import SMALL, Written

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def _facts(farm: Written, name: str) -> list:
    mapping = load_mapping(farm.out / "labels" / f"{name}.yaml")
    sheet = read_csv(farm.out / "labels" / f"{name}.csv")
    sheet.require(mapping.columns)
    return [read_fact(row, mapping, NOW) for row in sheet.rows]


def test_the_farm_file_reads_back_and_refuses_what_it_does_not_know(small_farm: Written, tmp_path) -> None:
    write_farm(tmp_path / "farm.yaml", small_farm.farm)
    assert read_farm(tmp_path / "farm.yaml") == small_farm.farm
    (tmp_path / "farm.yaml").write_text((tmp_path / "farm.yaml").read_text() + "ghosts: 3\n")
    with pytest.raises(ConfigurationError, match="ghosts"):
        read_farm(tmp_path / "farm.yaml")
    with pytest.raises(NotFoundError):
        read_farm(tmp_path / "none.yaml")


def test_the_roster_is_valid_and_whole(two_camera_farm: Written) -> None:
    rows = validate(read_sheets(two_camera_farm.out / "roster"))
    assert set(rows) == {t.name for t in TABLES}
    farm = two_camera_farm.farm
    assert {r.row.animal_id for r in rows["pen_stays"]} == {a.animal_id for a in farm.animals}
    assert {r.row.camera_id for r in rows["cameras"]} == {c.camera_id for c in farm.cameras}
    tags = [(r.row.scheme, r.row.identifier) for r in rows["identifiers"]]
    assert len(set(tags)) == len(tags) == 2 * len(farm.animals)
    # cameras over one pen overlap
    assert all(r.row.disjoint_from == () for r in rows["cameras"])


def test_the_device_file_is_one_that_the_recorder_reads(small_farm: Written) -> None:
    config = read_device_config(small_farm.out / "devices" / "barn-a-1" / "device.yaml")
    assert (config.device_id, config.farm_id, config.timezone) == ("barn-a-1", SMALL.farm_id, SMALL.timezone)
    (camera,) = config.cameras
    assert camera.background is not None
    assert camera.background.is_file()
    assert camera.source == str(small_farm.clips()[0].parent)
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert {z.kind for z in camera.zones_at(noon)} == {ZoneKind.FEEDER, ZoneKind.DRINKER, ZoneKind.LYING}
    for zone in camera.zones:
        assert all(0 <= x <= SMALL.width and 0 <= y <= SMALL.height for x, y in zone.polygon)
    calibration = camera.calibration_at(noon)
    assert calibration is not None
    layout = small_farm.farm.pens[0].layout
    corners = np.array([(z.polygon[0][0], z.polygon[0][1], 1.0) for z in camera.zones if z.kind is ZoneKind.LYING])
    metres = corners @ np.array(calibration.homography).reshape(3, 3).T
    assert np.allclose(metres[0, :2], layout.lying.corners[0], atol=0.02)


def test_zones_of_cameras_that_see_part_of_a_pen_are_cut_at_the_picture(two_camera_farm: Written) -> None:
    config = read_device_config(two_camera_farm.out / "devices" / "barn-a-1" / "device.yaml")
    plan, kinds = two_camera_farm.farm.plan, []
    assert len(config.cameras) == 2
    for camera in config.cameras:
        kinds += [zone.kind for zone in camera.zones]
        for zone in camera.zones:
            assert all(0 <= x <= plan.width and 0 <= y <= plan.height for x, y in zone.polygon)
    assert kinds.count(ZoneKind.LYING) == 2  # it reaches into both pictures
    assert kinds.count(ZoneKind.FEEDER) == 1


def test_those_who_eat_have_the_middle_of_their_box_in_the_feeder_zone(small_farm: Written) -> None:
    (camera,) = read_device_config(small_farm.out / "devices" / "barn-a-1" / "device.yaml").cameras
    feeder = np.array(next(z.polygon for z in camera.zones if z.kind is ZoneKind.FEEDER))
    eating = [b for b in small_farm.behaviours() if b["behaviour"] == "eating"]
    inside = []
    for row in small_farm.boxes():
        if any(b["animal_id"] == row["tracklet_id"] and b["started_at"] <= row["at"] < b["ended_at"] for b in eating):
            x, y = row["x"] + row["width"] / 2, row["y"] + row["height"] / 2
            low, high = feeder.min(axis=0) - 3, feeder.max(axis=0) + 3
            inside.append(low[0] <= x <= high[0] and low[1] <= y <= high[1])
    assert inside
    assert all(inside)


def test_lameness_scores_say_sound_before_and_lame_when_noticed(small_farm: Written) -> None:
    facts, farm = _facts(small_farm, "lameness"), small_farm.farm
    assert {f.kind for f in facts} == {LabelKind.LAMENESS_SCORE}
    assert {f.scale for f in facts} == {"locomotion-1-5"}
    by_tag = {a.ear_tag: a for a in farm.animals}
    for fact in facts:
        course = by_tag[fact.identifier].lameness
        if fact.value_number >= 2:
            assert course is not None
            assert fact.value_number == course.score
            assert farmtime.local_day(fact.occurred_by, SMALL.timezone) == farmtime.local_day(
                course.noticed_at, SMALL.timezone
            )
            assert fact.occurred_by > course.onset_at
            assert fact.occurred_after is not None
            assert fact.occurred_after < fact.occurred_by
        elif course is not None:
            assert fact.occurred_by < course.noticed_at
    lame = {f.identifier for f in facts if f.value_number >= 2}
    assert lame == {a.ear_tag for a in farm.animals if a.lameness is not None}
    assert len({f.label_id for f in facts}) == len(facts)
    assert len({f.identifier for f in facts}) == len(farm.animals)


def test_diagnoses_name_the_leg_as_icar_does_and_weights_are_kilograms(small_farm: Written) -> None:
    lame = {a.ear_tag: a.lameness for a in small_farm.farm.animals if a.lameness is not None}
    diagnoses = _facts(small_farm, "diagnoses")
    assert {d.identifier: d.value_text for d in diagnoses} == {tag: c.diagnosis for tag, c in lame.items()}
    assert all(d.site.startswith("Legs") for d in diagnoses)
    weights = _facts(small_farm, "weights")
    assert {w.unit for w in weights} == {"kg"}
    assert all(40 < w.value_number < 140 for w in weights)


def test_truth_files_hold_what_they_say_they_hold(small_farm: Written) -> None:
    folder = small_farm.truth()
    assert sorted(p.name for p in folder.iterdir()) == [
        *("behaviours.parquet", "boxes.parquet", "coverage.csv", "masks", "mot", "paths.parquet")
    ]
    paths = pq.read_schema(folder / "paths.parquet")
    assert paths.names == ["animal_id", "at", "x_m", "y_m", "heading_rad"]
    assert paths.field("at").type == pa.timestamp("us", tz="UTC")
    assert date.fromisoformat(folder.name) == SMALL.start_day
