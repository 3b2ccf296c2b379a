"""Each connection is tried for real, and what is wrong with it is said with what to do."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from herdbook.doctor import CHECKUPS, Finding, Verdict, examine, machine, postgres
from herdbook.processes.background import Background, free_ports
from herdbook.settings import Settings
from support.s3 import Store

OK, WARN, FAIL, ABSENT = Verdict.OK, Verdict.WARN, Verdict.FAIL, Verdict.ABSENT


def found(monkeypatch: pytest.MonkeyPatch, settings: Settings, checkup: str) -> Finding:
    """What one checkup says."""
    monkeypatch.setattr("herdbook.doctor.CHECKUPS", [(n, c) for n, c in CHECKUPS if n == checkup])
    (finding,) = examine(settings)
    return finding


@pytest.fixture
def found_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Settings, str], Finding]:
    return lambda settings, checkup: found(monkeypatch, settings, checkup)


Found = Callable[[Settings, str], Finding]


@pytest.mark.parametrize("name", ["lake data", "dvc remote", "mlflow artifacts"])
def test_a_bucket_is_written_read_and_left_as_it_was(s3: Store, tmp_path: Path, found_by: Found, name: str) -> None:
    place = f"{s3.bucket()}/below"
    settings = s3.settings(tmp_path, data_path=place, dvc_remote=place, mlflow_artifacts=place)
    finding = found_by(settings, name)
    assert (finding.verdict, s3.names(place)) == (OK, [])
    assert "deleted" in finding.detail


@pytest.mark.parametrize("name", ["lake data", "dvc remote"])
def test_a_bucket_that_is_not_there_is_to_be_made(s3: Store, tmp_path: Path, found_by: Found, name: str) -> None:
    place = "s3://nobody-made-this"
    finding = found_by(s3.settings(tmp_path, data_path=place, dvc_remote=place), name)
    assert finding.verdict is FAIL
    assert "herdbook init" in finding.remedy


@pytest.mark.parametrize("name", ["lake data", "dvc remote"])
def test_a_store_that_does_not_answer_is_said(s3: Store, tmp_path: Path, found_by: Found, name: str) -> None:
    settings = s3.settings(tmp_path, data_path="s3://lake", dvc_remote="s3://lake")
    finding = found_by(settings.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"}), name)
    assert finding.verdict is FAIL
    assert "HERDBOOK_S3_ENDPOINT" in finding.remedy


def test_folders_are_tried_too(tmp_path: Path, found_by: Found) -> None:
    settings = Settings(home=tmp_path, dvc_remote=str(tmp_path / "remote"))
    for name in ("lake data", "dvc remote", "mlflow artifacts"):
        assert found_by(settings, name).verdict is OK
    assert list(tmp_path.iterdir()) == [], "nothing stays"
    (tmp_path / "file").touch()
    assert found_by(Settings(home=tmp_path, dvc_remote=f"{tmp_path}/file/x"), "dvc remote").verdict is FAIL


@pytest.fixture
def owned(postgres_dsn: str) -> str:
    """A database whose owner may do nothing else."""
    import psycopg2

    connection = psycopg2.connect(postgres_dsn)
    connection.autocommit = True
    name = connection.info.dbname
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE owner_of_{name} LOGIN; ALTER DATABASE {name} OWNER TO owner_of_{name}")
    connection.close()
    return postgres_dsn.replace("user=postgres", f"user=owner_of_{name}")


def test_a_database_server_is_asked_for_version_and_clock(
    owned: str, tmp_path: Path, found_by: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, catalog=f"postgres:{owned}")
    finding = found_by(settings, "postgresql")
    assert finding.verdict is OK
    assert re.search(r"\d+\.\d+.*, clock [+-]\d\.\d s", finding.detail)
    monkeypatch.setattr(postgres, "OLDEST", 99)
    assert found_by(settings, "postgresql").verdict is WARN
    monkeypatch.setattr(postgres, "pg_dump_version", lambda: 9)
    assert "postgresql-client" in found_by(settings, "postgresql").remedy


def test_rights_that_are_too_few_or_too_many_are_said(
    owned: str, postgres_dsn: str, tmp_path: Path, found_by: Found
) -> None:
    mighty = found_by(Settings(home=tmp_path, catalog=f"postgres:{postgres_dsn}"), "postgresql")
    assert (mighty.verdict, "superuser" in mighty.detail) == (WARN, True)
    elsewhere = re.sub(r"dbname=\S+", "dbname=postgres", owned)
    helpless = found_by(Settings(home=tmp_path, catalog=f"postgres:{elsewhere}"), "postgresql")
    assert (helpless.verdict, "OWNER TO" in helpless.remedy) == (FAIL, True)
    missing = found_by(Settings(home=tmp_path, catalog=f"postgres:{postgres_dsn}_not"), "postgresql")
    assert "Create the database" in missing.remedy


def test_clocks_that_differ_are_said(
    postgres_dsn: str, tmp_path: Path, found_by: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    ours = time.time
    monkeypatch.setattr("herdbook.doctor.postgres.time.time", lambda: ours() - 60)
    finding = found_by(Settings(home=tmp_path, catalog=f"postgres:{postgres_dsn}"), "postgresql")
    assert (finding.verdict, "NTP" in finding.remedy) == (FAIL, True)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server that wants a password."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("Redis's server is not installed")
    folder = tmp_path_factory.mktemp("redis")
    (folder / "conf").write_text("requirepass it-is-secret\nmaxmemory-policy noeviction\nsave ''\n")
    (port,) = free_ports(1)
    command = [program, folder / "conf", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
    with Background("Redis", list(map(str, command)), folder / "log", os.environ) as server:
        server.wait_for("Ready to accept connections")
        yield f"redis://:it-is-secret@127.0.0.1:{port}/0"


def broker_file(folder: Path, content: str) -> Settings:
    """Settings of an installation whose file of the broker's address says so."""
    (folder / "broker-url").write_text(content)
    return Settings(home=folder, broker_url_file=folder / "broker-url")


def test_a_broker_that_nobody_listens_to_is_said(redis: str, tmp_path: Path, found_by: Found) -> None:
    finding = found_by(broker_file(tmp_path, redis + "\n"), "broker")
    assert finding.verdict is WARN
    assert "none serves io, learning" in finding.detail


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda url: url.replace("it-is-secret", "wrong-secret"), "refuses the password"),
        (lambda url: "redis://:it-is-secret@127.0.0.1:9/0", "does not answer"),
        (lambda url: "it-is-secret", "no address"),
    ],
)
def test_a_broker_that_refuses_is_said_without_its_password(
    redis: str, tmp_path: Path, found_by: Found, change: Callable[[str], str], says: str
) -> None:
    finding = found_by(broker_file(tmp_path, change(redis)), "broker")
    assert finding.verdict is FAIL
    assert says in finding.detail
    assert "secret" not in finding.detail + finding.remedy


def test_without_celery_there_is_no_broker_to_ask(tmp_path: Path, found_by: Found) -> None:
    assert found_by(Settings(home=tmp_path), "broker").verdict is ABSENT
    gone = Settings(home=tmp_path, broker_url_file=tmp_path / "gone")
    assert "HERDBOOK_BROKER_URL_FILE" in found_by(gone, "broker").detail


def test_sqlite_on_a_shared_file_system_is_refused(
    tmp_path: Path, found_by: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "file_system", lambda path: "nfs4")
    finding = found_by(Settings(home=tmp_path), "shared home")
    assert (finding.verdict, "PostgreSQL" in finding.remedy) == (FAIL, True)
    elsewhere = {"catalog": "postgres:dbname=x", "ledger_url": "postgresql://x", "mlflow_uri": "http://x"}
    assert found_by(Settings(home=tmp_path, **elsewhere), "shared home").verdict is OK
    assert list(tmp_path.iterdir()) == []


def test_the_file_system_of_a_folder_is_that_of_its_nearest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"dev / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\nshort\n")
    assert machine.file_system(tmp_path / "below", mounts) == "nfs4"
    assert machine.file_system(Path("/elsewhere"), mounts) == "ext4"
    assert machine.file_system(tmp_path, tmp_path / "none") == "unknown"


def test_a_key_that_others_can_read_is_said(s3: Store, tmp_path: Path, found_by: Found) -> None:
    key = tmp_path / "key"
    key.write_text("[default]\n")
    key.chmod(0o644)
    finding = found_by(Settings(home=tmp_path, s3_credentials=key), "secrets")
    assert (finding.verdict, str(key) in finding.remedy) == (FAIL, True)
