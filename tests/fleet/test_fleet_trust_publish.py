"""What is signed, and what is refused before it is signed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from herdbook.errors import InputError, NotFoundError, NotInitialisedError, TargetMismatchError
from herdbook.fleet.trust import (
    assign,
    current_assignment,
    next_number,
    plans_for,
    pool_file,
    publish_plans,
    publish_release,
    release_files,
    upkeep,
)
from herdbook.fleet.trust.store import read_state
from herdbook.settings import Settings
from support.trust import Platform, write_release

KEY = "orin-nx-16_16384_6.2_10.3.0_12.6"


def timestamp(platform: Platform) -> bytes:
    return (platform.repository / "metadata" / "timestamp.json").read_bytes()


def test_a_release_is_signed_with_every_file_it_names(platform: Platform) -> None:
    folder = platform.made / "compact-1"
    files = release_files(platform.settings, "compact-1")
    assert {file.name for file in files} == {path.name for path in folder.iterdir()}
    assert {file.bytes for file in files if file.name != "release.json"} == {100}
    (folder / "stray").write_text("x")
    publish_release(platform.settings, folder)
    assert "stray" not in {file.name for file in release_files(platform.settings, "compact-1")}


def test_publishing_the_same_again_changes_nothing(platform: Platform) -> None:
    before = timestamp(platform)
    publish_release(platform.settings, platform.made / "compact-1")
    assert timestamp(platform) == before


def test_a_release_id_is_never_used_again(platform: Platform, tmp_path: Path) -> None:
    before = timestamp(platform)
    with pytest.raises(InputError, match="published before"):
        publish_release(platform.settings, write_release(tmp_path / "other", "compact-1", sizes=50))
    assert timestamp(platform) == before


def test_a_release_with_another_file_than_it_names_is_refused(platform: Platform, tmp_path: Path) -> None:
    folder = write_release(tmp_path / "compact-2", "compact-2")
    (folder / "student.npz").write_bytes(b"x" * 100)
    with pytest.raises(TargetMismatchError, match=r"student\.npz"):
        publish_release(platform.settings, folder)
    with pytest.raises(NotFoundError, match="not in the signed repository"):
        release_files(platform.settings, "compact-2")


def test_what_is_no_release_is_refused(platform: Platform, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no release\.json"):
        publish_release(platform.settings, tmp_path)
    (tmp_path / "release.json").write_text("{}")
    with pytest.raises(InputError, match="use: Field required"):
        publish_release(platform.settings, tmp_path)


def test_without_a_ceremony_there_is_nothing_to_publish_into(tmp_path: Path) -> None:
    folder = write_release(tmp_path / "compact-1")
    with pytest.raises(NotInitialisedError) as caught:
        publish_release(Settings(home=tmp_path / "home"), folder)
    assert "fleet trust init" in caught.value.remedy


def test_engines_are_kept_apart_by_the_machines_they_are_for(platform: Platform, tmp_path: Path) -> None:
    plan = tmp_path / "student.plan"
    plan.write_bytes(b"an engine")
    publish_plans(platform.settings, "compact-1", KEY, [plan])
    publish_plans(platform.settings, "compact-1", KEY, [plan])
    assert [file.path for file in plans_for(platform.settings, "compact-1", KEY)] == [
        f"releases/compact-1/plans/{KEY}/student.plan"
    ]
    assert plans_for(platform.settings, "compact-1", KEY.replace("6.2", "6.1")) == ()
    assert "student.plan" not in {file.name for file in release_files(platform.settings, "compact-1")}
    plan.write_bytes(b"another")
    with pytest.raises(InputError, match="with other content"):
        publish_plans(platform.settings, "compact-1", KEY, [plan])
    for release, key in (("compact-9", KEY), ("compact-1", "../x"), ("compact-1", "a/b"), ("compact-1", "a..b")):
        with pytest.raises(InputError):
            publish_plans(platform.settings, release, key, [plan])


def test_assignments_count_on(platform: Platform) -> None:
    assert next_number(platform.settings, "barn-1") == 2
    assert next_number(platform.settings, "barn-2") == 1
    assert current_assignment(platform.settings, "barn-2") is None
    platform.assign(platform.assignment(), platform.assignment(device_id="barn-2"))
    assert next_number(platform.settings, "barn-1") == 3
    found = current_assignment(platform.settings, "barn-2")
    assert found is not None
    assert found.number == 1


def test_a_batch_is_refused_as_a_whole(platform: Platform, tmp_path: Path) -> None:
    good = platform.assignment(device_id="barn-2")
    files = good.files
    pool = tmp_path / "pools.npz"
    pool.write_bytes(b"looks")
    theirs = pool_file("barn-3", pool)
    wrong = [
        platform.assignment(number=1),
        platform.assignment(files=[files[0].model_dump()]),
        platform.assignment(files=[f.model_copy(update={"bytes": 7}).model_dump() for f in files]),
        platform.assignment(files=[f.model_dump() for f in (*files, files[0])]),
        platform.assignment(files=[f.model_dump() for f in (*files, theirs)]),
    ]
    before = timestamp(platform)
    for bad in wrong:
        with pytest.raises(InputError):
            assign(platform.settings, [good, bad], {"barn-3": [pool]} if theirs in bad.files else None)
    with pytest.raises(InputError, match="twice"):
        assign(platform.settings, [good, good])
    with pytest.raises(InputError, match="no assignment names"):
        assign(platform.settings, [good], {"barn-2": [pool]})
    assert timestamp(platform) == before
    assert next_number(platform.settings, "barn-2") == 1


def test_pools_that_are_no_longer_named_are_no_longer_signed(platform: Platform, tmp_path: Path) -> None:
    pool = tmp_path / "pools.npz"
    pool.write_bytes(b"looks")
    file = pool_file("barn-1", pool)
    with_pool = platform.assignment()
    assign(platform.settings, [with_pool.model_copy(update={"files": (*with_pool.files, file)})], {"barn-1": [pool]})
    assert read_state(platform.settings).assigned(file.path)
    platform.assign()
    assert read_state(platform.settings).assigned(file.path) is None


def test_old_releases_go_when_no_device_in_service_is_assigned_them(platform: Platform) -> None:
    platform.publish("compact-2")
    platform.publish("compact-3")
    platform.assign(platform.assignment("compact-2", "barn-2"))
    settings = platform.settings
    assert upkeep.prune(settings, ["barn-1", "barn-2"]) == []
    old = settings.model_copy(update={"release_keep_days": -1})
    assert upkeep.prune(old, ["barn-1"], ["compact-2"]) == ["compact-3"], "somebody may go back to compact-2"
    assert upkeep.prune(old, ["barn-1"]) == ["compact-2"], "barn-2 was retired"
    assert len(release_files(settings, "compact-1")) == 6
    assert next_number(settings, "barn-2") == 2, "its number goes on if it comes back"


def test_files_that_nothing_names_go_after_a_while(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    stray = platform.repository / "targets" / "releases" / "compact-0" / "0.stray"
    stray.parent.mkdir(parents=True)
    stray.write_text("of a publication that was cut short")
    state = read_state(platform.settings)
    old = platform.repository / "metadata" / f"{state.snapshot.signed.version}.snapshot.json"
    upkeep.refresh(platform.settings)
    upkeep.prune(platform.settings, ["barn-1"])
    assert stray.exists()
    assert old.exists(), "a device may be reading it"
    monkeypatch.setattr(upkeep, "GRACE", timedelta(seconds=-1))
    upkeep.prune(platform.settings, ["barn-1"])
    assert not stray.parent.exists()
    assert not old.exists()
    assert (platform.repository / "metadata" / "1.root.json").exists(), "the chain of roots is kept for ever"
    kept = json.loads((platform.settings.releases / "leftovers.json").read_text())
    assert kept == {}


def test_a_device_installs_after_the_prune(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "GRACE", timedelta(seconds=-1))
    upkeep.prune(platform.settings, ["barn-1"])
    installer = platform.device(tmp_path / "device")
    assert installer.fetch(installer.look()).is_dir()
