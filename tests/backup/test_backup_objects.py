"""A lake whose files lie in an object store comes back into another bucket, or into a folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from herdbook import object_store
from herdbook.backup.installation import backups
from herdbook.backup.manifest import read_manifest
from herdbook.backup.objects import Prefix
from herdbook.backup.restore import restore
from herdbook.backup.write import backup
from herdbook.errors import RestoreRefusedError, StorageError
from herdbook.lake.migrate import migrate
from herdbook.settings import Settings
from support.lake_home import SPEC, fill_lake, load_day
from support.queries import lake_rows
from support.s3 import Store

pytestmark = pytest.mark.slow
pytest.importorskip("boto3")


def test_there_and_back(s3: Store, new_bucket: Callable[[], str], tmp_path: Path) -> None:
    counts = "SELECT count(*), (SELECT count(*) FROM bout), (SELECT count(*) FROM embedding) FROM device_day"
    old = s3.settings(tmp_path / "old", data_path=f"{new_bucket()}/lake")
    migrate(old)
    fill_lake(old, 1)
    before, first = lake_rows(old, counts), backup(old)
    load_day(old, replace(SPEC, revision=2, animals=4))
    second = backup(old)
    shared = [p for p in (second / "data").rglob("*.parquet") if p.stat().st_nlink == 2]
    assert len(shared) == len(list((first / "data").rglob("*.parquet"))), "each object is fetched once"
    elsewhere = s3.settings(tmp_path / "new", data_path="s3://restored-into/lake")  # a bucket that is not there yet
    restore(elsewhere, first)
    assert lake_rows(elsewhere, counts) == before
    with pytest.raises(RestoreRefusedError, match="s3://"):
        restore(elsewhere.model_copy(update={"home": tmp_path / "third"}), first)
    folder = Settings(home=tmp_path / "folder")
    restore(folder, first)
    assert lake_rows(folder, counts) == before
    left = backup(old.model_copy(update={"backup_objects": False}))
    assert read_manifest(left).not_here["data"] == old.data_path
    assert not (left / "data").exists()


def test_an_object_that_goes_meanwhile_is_missed_only_if_the_catalog_names_it(
    s3: Store, new_bucket: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow deletes a run's files while it is copied; a file of the lake is another matter."""
    lake = s3.settings(tmp_path, data_path=f"{new_bucket()}/lake", mlflow_artifacts=f"{new_bucket()}/runs")
    migrate(lake)
    fill_lake(lake, 1)
    client, listed, doomed = object_store.client(lake), Prefix._listed, {"runs": "doomed"}

    def then_gone(prefix: Prefix) -> Iterator[tuple[str, int, float]]:
        found = list(listed(prefix))
        bucket, below = object_store.bucket_of(prefix.source)
        for name in [name for name, _, _ in found if name == doomed.get(below)]:
            client.delete_object(Bucket=bucket, Key=f"{below}/{name}")
        return iter(found)

    bucket, _ = object_store.bucket_of(lake.mlflow_artifacts)
    for name in ("doomed", "kept"):
        client.put_object(Bucket=bucket, Key=f"runs/{name}", Body=b"weights")
    with monkeypatch.context() as patch:
        patch.setattr(Prefix, "_listed", then_gone)
        good = backup(lake)
        assert [path.name for path in (good / "artifacts").iterdir()] == ["kept"]
        shutil.rmtree(good / "data")  # nothing to link
        doomed["lake"] = next(name for name, _, _ in listed(Prefix("data", lake.data_path, lake)) if "bout" in name)
        with pytest.raises(StorageError, match=r"gone or torn.*record/bout"):
            backup(lake, keep=1)
    assert backups(lake) == [good]
