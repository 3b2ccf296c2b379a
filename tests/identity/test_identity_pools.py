"""Embedding pools: what a device is told of its animals, and the names that it gives by itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from herdbook.cli import app, fleet_pools
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.pools import POOLS_NAME, Pools, Reference, parse_pools, pools_bytes, quantised
from herdbook.edge.alerts.records import names_of_revision
from herdbook.edge.days import DayStore
from herdbook.edge.naming import Embeddings, Namer, Sighting
from herdbook.errors import NotFoundError, ReleaseDataError
from herdbook.fleet.inventory import enrol
from herdbook.identity.pools import device_pools, export_pools
from herdbook.ledger.migrate import upgrade
from herdbook.settings import Settings
from support.device_day import DaySpec, write_device_day

SPEC = DaySpec(animals=4, tracklets_per_animal=5, embeddings_per_tracklet=8)
SPACE = SPEC.release.space_id
DEVICE = SPEC.device_id
CAMERA, PEN = f"{DEVICE}-cam-1", "demo-farm-pen-1"


NOWHERE = Reference("P0", PEN, SPACE, "t", np.zeros(4, np.int8), 1.0)


def reference(animal: str, number: int, *, space: str = SPACE, pen: str = PEN) -> Reference:
    """A reference whose look is one axis of the space."""
    return Reference(animal, pen, space, f"t-{animal}", *quantised(np.eye(16)[number]))


def test_a_device_gets_the_animals_of_its_pens_and_names_its_day(all_enrolled: Settings, tmp_path: Path) -> None:
    path = tmp_path / "out" / POOLS_NAME
    target = export_pools(all_enrolled, DEVICE, path)
    assert (target.name, target.bytes, target.sha256) == (POOLS_NAME, path.stat().st_size, sha256_of(path))
    assert target.path == f"assignments/{DEVICE}/pools-{target.sha256[:12]}.parquet"
    pools = parse_pools(path.read_bytes(), DEVICE)
    assert {r.animal_id for r in pools.references} == {"P0", "P1", "P2", "P3"}, "P4 and P5 are in another pen"

    write_device_day(tmp_path / "device", SPEC)
    stored = DayStore(tmp_path / "device").latest(SPEC.day)
    assert stored is not None
    named = names_of_revision(stored.folder, stored.manifest, Namer(pools, SPACE, {CAMERA: PEN}), SPACE)
    right = {f"{DEVICE}:{SPEC.day}:cam:{n:06d}": f"P{n // 5}" for n in range(20)}
    assert {tracklet: name.animal_id for tracklet, name in named.items()}.items() <= right.items()
    assert len(named) >= 16
    assert all(0.8 <= name.confidence <= 1 for name in named.values())


def test_the_command_makes_them_for_every_device_in_service(
    all_enrolled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade(all_enrolled)
    for name in (DEVICE, "barn-x"):
        enrol(
            all_enrolled,
            name,
            farm_id="demo-farm",
            url="http://127.0.0.1:1",
            timezone="Europe/London",
            token=f"{name:t<40}",
        )
    monkeypatch.setattr(fleet_pools, "get_settings", lambda: all_enrolled)
    said = CliRunner().invoke(app, ["fleet", "pools", "--json"], catch_exceptions=False)
    known, unknown = json.loads(said.stdout)
    assert (known["device"], known["became"], known["animals"]) == (DEVICE, "waits", 4)
    assert (unknown["device"], unknown["became"]) == ("barn-x", "unknown")
    file = all_enrolled.releases / "pools" / DEVICE / POOLS_NAME
    assert known["bytes"] == file.stat().st_size
    assert parse_pools(file.read_bytes(), DEVICE) is not None


def test_equal_enrolments_give_equal_bytes(all_enrolled: Settings, tmp_path: Path) -> None:
    one, other = (export_pools(all_enrolled, DEVICE, tmp_path / name) for name in ("a.parquet", "b.parquet"))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert one == other


def test_who_has_left_the_pen_is_not_in_them(all_enrolled: Settings) -> None:
    before = datetime(2025, 12, 1, tzinfo=UTC)
    assert device_pools(all_enrolled, DEVICE, now=before).references == ()
    with pytest.raises(NotFoundError, match="cameras"):
        device_pools(all_enrolled, "barn-x")


def test_two_at_once_are_never_one_animal() -> None:
    pools = Pools(DEVICE, (reference("P0", 0), reference("P1", 1), reference("P2", 2), reference("P3", 3)))
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()
    sightings = [Sighting(f"t{n}", CAMERA, noon, noon + 600) for n in range(4)]
    rng = np.random.default_rng(1)
    looks = np.repeat(np.eye(16)[[0, 0, 2, 3]], 8, axis=0) + 0.05 * rng.normal(size=(32, 16))
    seen = Embeddings([f"t{n // 8}" for n in range(32)], looks, np.ones(32))
    named = Namer(pools, SPACE, {CAMERA: PEN}).names(sightings, seen)
    given = [name.animal_id for name in named.values()]
    assert len(set(given)) == len(given)
    assert named["t2"].animal_id == "P2"
    elsewhere = Namer(pools, SPACE, {CAMERA: "pen-9"}).names(sightings, seen)
    assert elsewhere == {}, "its animals are in another pen"


def test_other_spaces_are_refused_and_never_compared() -> None:
    with pytest.raises(ReleaseDataError, match="sees in 'look-2'"):
        Namer(Pools(DEVICE, (reference("P0", 0),)), "look-2", {})
    both = Pools(DEVICE, (reference("P0", 0), reference("P1", 1, space="look-2")))
    assert [r.animal_id for r in both.in_space("look-2")] == ["P1"]
    assert Pools(DEVICE, ()).in_space("look-2") == ()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda raw: raw[:100], "not a Parquet file"),
        (lambda raw: b"", "not a Parquet file"),
        (lambda raw: pools_bytes(Pools("barn-b-9", (reference("P0", 0),))), "another device's"),
        (lambda raw: pools_bytes(Pools(DEVICE, (reference("../P0", 0),))), "name that cannot be"),
        (
            lambda raw: pools_bytes(Pools(DEVICE, (Reference("P0", PEN, SPACE, "t", np.zeros(4, np.int8), 1.0),))),
            "no direction",
        ),
    ],
)
def test_pools_that_cannot_be_are_refused_with_the_reason(damage: object, said: str) -> None:
    raw = pools_bytes(Pools(DEVICE, (reference("P0", 0),)))
    assert len(parse_pools(raw, DEVICE).references) == 1
    with pytest.raises(ReleaseDataError, match=said):
        parse_pools(damage(raw), DEVICE)  # type: ignore[operator]
