"""The lake on production's engines: catalog in PostgreSQL, data in S3. The same code, the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from herdbook.errors import ConfigurationError, QueryError, StorageError
from herdbook.lake import maintenance
from herdbook.lake.attach import kept_open, open_lake
from herdbook.lake.check import run_checks
from herdbook.lake.maintenance import compact, delete_superseded, expire_snapshots
from herdbook.lake.migrate import migrate
from herdbook.lake.publish import publish
from herdbook.lake.query import ask
from herdbook.settings import Settings
from support.lake_home import SPEC, fill_lake, load_day
from support.s3 import Store

SEEN = ["device_day", "tracklet", "bout", "embedding", "activity", "coverage", "identity", "pen_stay", "animal_day"]


def seen(settings: Settings) -> dict[str, object]:
    with open_lake(settings, read_only=True) as lake:
        return {name: lake.execute(f"SELECT count(*) FROM {name}").fetchone() for name in SEEN}


@pytest.fixture
def production(s3: Store, postgres_dsn: str, tmp_path: Path) -> Iterator[Settings]:
    """A lake with a roster and two claimed days."""
    settings = s3.settings(tmp_path / "production", catalog=f"postgres:{postgres_dsn}", data_path=f"{s3.bucket()}/lake")
    migrate(settings)
    with kept_open():
        yield settings


@pytest.mark.slow
def test_it_holds_what_the_embedded_lake_holds_and_keeps_it_small(
    production: Settings, s3: Store, filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_lake(production, 2)
    assert seen(production) == seen(filled)
    assert s3.names(production.data_path), "data lie in the bucket"
    assert not (production.home / "lake").exists(), "and nowhere else"

    publish(production)
    assert (
        ask(production, "SELECT count(*) FROM animal_day").rows
        == ask(production, "SELECT count(*) FROM animal_day", lake=True).rows
    )

    load_day(production, replace(SPEC, revision=2, seed=8))
    before, files = seen(production), set(s3.names(production.data_path))
    monkeypatch.setattr(maintenance, "GRACE", maintenance.GRACE * -1)
    aged = production.model_copy(update={"snapshot_keep_days": -1})
    assert delete_superseded(aged).loads == 1
    assert expire_snapshots(aged)
    assert compact(aged).removed > 0
    assert files - set(s3.names(production.data_path)), "files that nothing shows went from the bucket"
    assert seen(production) == before
    assert not [result.name for result in run_checks(production, everything=True) if result.failed]


def test_who_may_ask_the_lake_is_not_shown_its_key(production: Settings) -> None:
    shown = ask(production, "SELECT secret_string FROM duckdb_secrets()", lake=True).rows
    assert "quoted" not in str(shown)
    with pytest.raises(QueryError, match="unredacted"):
        ask(production, "SELECT secret_string FROM duckdb_secrets(redact => false)", lake=True)


def test_a_store_that_is_not_there_is_a_fault_that_may_pass(production: Settings, tmp_path: Path) -> None:
    away = production.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"})
    with pytest.raises(StorageError, match="writing to the lake failed"):
        fill_lake(away, 1)


@pytest.mark.parametrize("content", [None, b"", b"[default]\nsecret\n", b"[other]\naws_access_key_id=a\n", b"\xff\xfe"])
def test_a_file_without_a_key_is_refused_without_repeating_it(
    production: Settings, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    wrong = production.model_copy(update={"s3_credentials": file, "home": tmp_path / "other"})
    with pytest.raises(ConfigurationError, match="HERDBOOK_S3_CREDENTIALS") as error:
        open_lake(wrong, read_only=True, alone=True)
    assert "secret\n" not in error.value.message
