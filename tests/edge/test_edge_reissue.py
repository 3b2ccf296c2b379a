from __future__ import annotations

from pathlib import Path

import pytest
from edge_cases import AFTERWARDS, DAY, MakeDevice

from herdbook.edge.days import DayStore
from herdbook.edge.recorder import record_day
from herdbook.edge.reissue import reissue_day
from herdbook.edge.retention import free_acknowledged
from herdbook.errors import NotFoundError


def test_a_sound_day_is_issued_again_with_the_same_files(
    make_device: MakeDevice, clip_folder: Path, tmp_path: Path
) -> None:
    config, root = make_device(clip_folder), tmp_path / "root"
    record_day(config, root, DAY, now=AFTERWARDS)
    issued = reissue_day(config, root, DAY, now=AFTERWARDS)
    one, two = DayStore(root).revisions(DAY)
    assert (issued.revision, two.manifest.revision) == (2, 2)
    assert two.manifest.files == one.manifest.files
    assert two.sha256 != one.sha256
    assert record_day(config, root, DAY, now=AFTERWARDS).state == "unchanged"


def test_a_damaged_day_is_recorded_anew(make_device: MakeDevice, clip_folder: Path, tmp_path: Path) -> None:
    config, root = make_device(clip_folder), tmp_path / "root"
    first = record_day(config, root, DAY, now=AFTERWARDS)
    (first.folder / "bout.parquet").write_bytes(b"damaged")
    second = reissue_day(config, root, DAY, now=AFTERWARDS)
    assert (second.revision, second.frames) == (2, 180)
    one, two = DayStore(root).revisions(DAY)
    assert {f.sha256 for f in two.manifest.files} == {f.sha256 for f in one.manifest.files}


def test_a_day_whose_manifest_broke_gets_a_number_it_never_had(
    make_device: MakeDevice, clip_folder: Path, tmp_path: Path
) -> None:
    config, root = make_device(clip_folder), tmp_path / "root"
    first = record_day(config, root, DAY, now=AFTERWARDS)
    (first.folder / "manifest.json").write_bytes(b"")
    assert reissue_day(config, root, DAY, now=AFTERWARDS).revision == 2


def test_a_freed_day_without_footage_cannot_be_issued_again(
    make_device: MakeDevice, clip_folder: Path, tmp_path: Path
) -> None:
    config, root = make_device(clip_folder), tmp_path / "root"
    with pytest.raises(NotFoundError, match="never recorded"):
        reissue_day(make_device(tmp_path / "absent"), root, DAY, now=AFTERWARDS)
    record_day(config, root, DAY, now=AFTERWARDS)
    store = DayStore(root)
    stored = store.latest(DAY)
    assert stored is not None
    store.acknowledge(stored, AFTERWARDS)
    free_acknowledged(store, root, config, AFTERWARDS)
    for clip in clip_folder.iterdir():
        clip.unlink()
    with pytest.raises(NotFoundError, match="freed"):
        reissue_day(config, root, DAY, now=AFTERWARDS)
    assert record_day(config, root, DAY, now=AFTERWARDS).state == "unchanged"
