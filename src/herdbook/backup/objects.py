"""A prefix of an object store in a backup: each object is fetched once, then linked from the backup before."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from herdbook import object_store
from herdbook.contracts.durable import fsync_path, make_folder
from herdbook.errors import ObjectStoreError
from herdbook.settings import Settings


@dataclass(frozen=True)
class Prefix:
    """Objects below an address, as a backup sees them: like `tree.Tree`."""

    name: str
    """Its folder in the backup."""
    source: str
    """``s3://BUCKET/PREFIX``."""
    settings: Settings = field(repr=False)

    def names(self) -> Iterator[str]:
        """Names of its objects, below the prefix.

        Raises:
            ObjectStoreError: the store does not answer, or refuses.
        """
        for name, _, _ in self._listed():
            yield name

    def keep(
        self, backup: Path, former: Path | None, each: Callable[[str], object], only: Collection[str] | None = None
    ) -> None:
        """Fetch its objects, or ``only`` some, into a backup under its name; what the former backup has is linked.

        Raises:
            ObjectStoreError: as `names`.
        """
        bucket, prefix = self._place
        for name, size, changed in self._listed():
            if only is not None and name not in only:
                continue
            inside = f"{self.name}/{name}"
            target = backup / inside
            make_folder(target.parent)
            held = None if former is None else former / inside
            if held is not None and held.is_file() and (held.stat().st_size, held.stat().st_mtime) == (size, changed):
                target.hardlink_to(held)
            elif self._fetched(bucket, f"{prefix}{name}", target):
                os.utime(target, (changed, changed))
                fsync_path(target)
            else:  # it went meanwhile
                continue
            each(inside)

    def _fetched(self, bucket: str, key: str, target: Path) -> bool:
        """Fetch an object; false where it is not there (any more)."""
        from botocore.exceptions import ClientError

        with _said(self.source):
            try:
                self._client.download_file(bucket, key, str(target))
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in ("404", "NoSuchKey"):
                    raise
                return False
        return True

    def put(self, source: Path, name: str) -> None:
        """Put a backup's file to its place.

        Raises:
            ObjectStoreError: as `names`.
        """
        bucket, prefix = self._place
        with _said(self.source):
            self._client.upload_file(str(source), bucket, f"{prefix}{name}")

    def flush(self) -> None:
        """Nothing: a store acknowledges what is durable."""

    def _listed(self) -> Iterator[tuple[str, int, float]]:
        bucket, prefix = self._place
        with _said(self.source):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for found in page.get("Contents", ()):
                    if not found["Key"].endswith("/"):
                        yield found["Key"].removeprefix(prefix), found["Size"], found["LastModified"].timestamp()

    @property
    def _place(self) -> tuple[str, str]:
        bucket, prefix = object_store.bucket_of(self.source)
        return bucket, f"{prefix}/" if prefix else ""

    @cached_property
    def _client(self) -> Any:
        return object_store.client(self.settings)


@contextmanager
def _said(place: str) -> Iterator[None]:
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise ObjectStoreError(f"{place} cannot be copied: {error}") from error
