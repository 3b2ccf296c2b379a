"""Runs and models with their records in PostgreSQL and their files in S3, without a server between."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from registry_cases import clean_checkout

from herdbook.learning.registry.models import COMPACT, download, register
from herdbook.learning.registry.origin import take_origin
from herdbook.learning.registry.tracking import start_run
from support.s3 import Store

pytestmark = pytest.mark.slow


def test_a_version_comes_back_as_it_was_kept(
    s3: Store, new_postgres_dsn: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3", "AWS_SHARED_CREDENTIALS_FILE", "MLFLOW_S3_ENDPOINT_URL"):
        monkeypatch.setenv(name, "")  # what opening the store sets is taken back afterwards
    dsn = dict(part.split("=", 1) for part in new_postgres_dsn().split())
    uri = f"postgresql+psycopg2://{dsn['user']}@/{dsn['dbname']}?host={dsn['host']}"
    settings = s3.settings(tmp_path / "home", mlflow_uri=uri, mlflow_artifacts=f"{s3.bucket()}/runs")
    network = tmp_path / "student.onnx"
    network.write_bytes(b"weights")
    with start_run(settings, "distil", take_origin(clean_checkout(tmp_path / "code"))) as run:
        version = register(run, COMPACT, [network], "0" * 64)
    assert (download(settings, version, tmp_path / "kept") / "student.onnx").read_bytes() == b"weights"
    assert any(name.endswith("student.onnx") for name in s3.names(settings.mlflow_artifacts))
