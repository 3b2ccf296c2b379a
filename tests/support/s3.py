"""A throw-away S3 server for tests (moto's), one per session, and a fresh bucket per test that asks for one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from herdbook import object_store
from herdbook.processes.background import Background, free_ports
from herdbook.settings import Settings

_numbers = count(1)
KEY = "[default]\naws_access_key_id = herdbook\naws_secret_access_key = it's a 'quoted' secret\n"


@dataclass(frozen=True)
class Store:
    """A running server."""

    endpoint: str
    credentials: Path

    def settings(self, home: Path, **more: Any) -> Settings:
        """Of an installation that uses it."""
        return Settings(home=home, s3_endpoint=self.endpoint, s3_credentials=self.credentials, **more)

    def bucket(self) -> str:
        """A fresh bucket's address."""
        url = f"s3://bucket-{os.getpid()}-{next(_numbers)}"
        object_store.make_bucket(self.settings(Path()), url)
        return url

    def names(self, url: str) -> list[str]:
        """What lies below an address, by name."""
        bucket, prefix = object_store.bucket_of(url)
        pages = (
            object_store.client(self.settings(Path()))
            .get_paginator("list_objects_v2")
            .paginate(Bucket=bucket, Prefix=prefix)
        )
        return [found["Key"] for page in pages for found in page.get("Contents", ())]


@contextmanager
def s3_server(folder: Path, *options: str | Path) -> Iterator[Store]:
    """moto's server; it keeps what it is given in memory.

    Args:
        folder: of its log and the file of a key; moto lets any key in.
        options: of the server.
    """
    key = folder / "credentials"
    key.write_text(KEY)
    key.chmod(0o600)
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port), *options]
    with Background("S3", command, folder / "log", os.environ) as server:
        scheme = server.wait_for("Running on https?", timeout_s=240).removeprefix("Running on ")
        yield Store(f"{scheme}://127.0.0.1:{port}", key)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A server over plain HTTP."""
    with s3_server(tmp_path_factory.mktemp("s3")) as store:
        yield store


@pytest.fixture
def new_bucket(s3: Store) -> Callable[[], str]:
    """Makes fresh buckets; their addresses."""
    return s3.bucket
