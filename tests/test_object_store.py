"""One file of a key, and every client of the store is told what it needs and no more."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from pydantic import ValidationError

from herdbook import object_store
from herdbook.errors import ConfigurationError, ObjectStoreError
from herdbook.lake.attach import CONFIG, load_extension
from herdbook.settings import Settings
from support.s3 import Store, s3_server


@pytest.fixture(autouse=True)
def _no_key_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize(
    ("url", "parts"), [("s3://a", ("a", "")), ("s3://a/b/c/", ("a", "b/c")), ("s3://a/", ("a", ""))]
)
def test_an_address_is_a_bucket_and_a_prefix(url: str, parts: tuple[str, str]) -> None:
    assert object_store.bucket_of(url) == parts


@pytest.mark.parametrize("url", ["", "s3://", "s3:///x", "/folder", "gs://a"])
def test_an_address_without_a_bucket_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="names no bucket"):
        object_store.bucket_of(url)


@pytest.mark.parametrize("address", ["s3.farm", "http://user:secret@s3.farm", "https://s3.farm/below", "ftp://s3.farm"])
def test_an_endpoint_is_scheme_host_and_port_alone(address: str) -> None:
    with pytest.raises(ValidationError, match="s3_endpoint"):
        Settings(s3_endpoint=address)


def test_processes_are_told_the_keys_file_and_not_the_key(s3: Store, tmp_path: Path) -> None:
    said = object_store.variables(s3.settings(tmp_path, s3_ca=tmp_path / "ca.pem"))
    assert said["AWS_SHARED_CREDENTIALS_FILE"] == str(s3.credentials)
    assert said["AWS_ENDPOINT_URL_S3"] == s3.endpoint
    assert said["AWS_CA_BUNDLE"] == str(tmp_path / "ca.pem")
    assert "secret" not in " ".join(said.values())
    assert "AWS_ENDPOINT_URL_S3" not in object_store.variables(Settings(home=tmp_path)), "AWS's own address"


def test_without_a_file_the_machines_own_key_holds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unknown"):
        object_store.credentials(Settings(home=tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "role")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-machine")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "for-an-hour")
    found = object_store.credentials(Settings(home=tmp_path))
    assert (found.key_id, found.secret, found.token) == ("role", "of-the-machine", "for-an-hour")
    assert "machine" not in repr(found)
    assert "SESSION_TOKEN 'for-an-hour'" in next(object_store.duckdb_statements(Settings(home=tmp_path)))


def test_buckets_are_made_once(s3: Store, new_bucket: Callable[[], str], tmp_path: Path) -> None:
    object_store.make_bucket(s3.settings(tmp_path), new_bucket())
    away = s3.settings(tmp_path).model_copy(update={"s3_endpoint": "http://127.0.0.1:9"})
    with pytest.raises(ObjectStoreError, match="cannot be used"):
        object_store.make_bucket(away, "s3://lake")


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Path]]:
    """A server over TLS, and the certificate of its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "ca.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    more = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made, *more], check=True, capture_output=True)
    with s3_server(folder, "-c", certificate, "-k", key) as store:
        yield store, certificate


def test_a_server_is_believed_by_its_authority_alone(certified: tuple[Store, Path], tmp_path: Path) -> None:
    store, authority = certified
    known = store.settings(tmp_path, s3_ca=authority)
    object_store.make_bucket(known, "s3://lake")
    for settings, believed in ((known, True), (store.settings(tmp_path), False)):
        with duckdb.connect(config=CONFIG) as connection:
            load_extension(connection, "httpfs")
            for statement in object_store.duckdb_statements(settings):
                connection.execute(statement)
            if believed:
                connection.execute("COPY (SELECT 42 AS answer) TO 's3://lake/x.parquet'")
                assert connection.execute("SELECT answer FROM 's3://lake/x.parquet'").fetchone() == (42,)
            else:
                with pytest.raises(duckdb.IOException, match="SSL"):
                    connection.execute("FROM 's3://lake/x.parquet'")
                with pytest.raises(ObjectStoreError, match="CERTIFICATE"):
                    object_store.make_bucket(settings, "s3://lake")
