"""Places of files, a folder or an S3 prefix each: write, read and delete there, as Herdbook will."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from pathlib import Path

from herdbook.doctor.findings import Finding, Verdict
from herdbook.errors import ObjectStoreError
from herdbook.object_store import bucket_of, client, duckdb_statements, is_object_store
from herdbook.settings import Settings

PROBE = ".herdbook-doctor"
"""Below the place; the lake's own clean-up never names it, and nothing of it stays."""
_CLOCK_S = 300.0
"""S3 refuses signatures that are a quarter of an hour off."""


def lake_data(settings: Settings) -> Finding:
    """The lake's data, through DuckDB."""
    place = settings.lake_data_path
    if not is_object_store(place):
        return _folder("lake data", Path(place))
    _through_duckdb(settings, place)
    return _in_bucket("lake data", settings, place)


def dvc_remote(settings: Settings) -> Finding:
    """Where training data are pushed to."""
    place = settings.dvc_remote
    if not place:
        return Finding("dvc remote", Verdict.ABSENT, "none: data of training lie under HERDBOOK_HOME alone")
    return _in_bucket("dvc remote", settings, place) if is_object_store(place) else _folder("dvc remote", Path(place))


def mlflow_artifacts(settings: Settings) -> Finding:
    """Where runs' files lie, if it is for us to say."""
    name, place = "mlflow artifacts", settings.mlflow_artifacts
    if settings.mlflow_uri.startswith("http"):
        return Finding(name, Verdict.ABSENT, "MLflow's server keeps them")
    if not is_object_store(place):
        return _folder(name, Path(place) if place else settings.registry / "artifacts")
    return _in_bucket(name, settings, place)


def _folder(name: str, folder: Path) -> Finding:
    """A folder that is there takes a file; one that is not is made when it is needed."""
    there = folder
    while not there.exists():
        there = there.parent
    probe = there / f"{PROBE}-{secrets.token_hex(6)}"
    try:
        probe.write_bytes(b"herdbook")
        said = probe.read_bytes()
        probe.unlink()
    except OSError as error:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
        remedy = f"Give this user {there}, or free space there."
        return Finding(name, Verdict.FAIL, f"{there} cannot be written: {error.strerror}", remedy)
    assert said == b"herdbook", "a disk gives back what it was given"
    return Finding(name, Verdict.OK, f"{folder}: written, read, deleted")


def _through_duckdb(settings: Settings, place: str) -> None:
    import duckdb

    from herdbook.lake.attach import CONFIG, load_extension, quoted

    url = f"{place.rstrip('/')}/{PROBE}/{secrets.token_hex(8)}.parquet"
    try:
        with duckdb.connect(config=CONFIG) as connection:
            load_extension(connection, "httpfs")
            for statement in duckdb_statements(settings):
                connection.execute(statement)
            connection.execute(f"COPY (SELECT 42 AS answer) TO {quoted(url)}")
            said = connection.execute(f"SELECT answer FROM {quoted(url)}").fetchone()  # noqa: S608 - our own address
    except duckdb.Error as error:
        raise ObjectStoreError(f"{place}: {str(error).splitlines()[0]}", _remedy(str(error), place)) from None
    assert said == (42,), "the store gives back what it was given"
    bucket, key = bucket_of(url)
    _delete(settings, bucket, key)


def _in_bucket(name: str, settings: Settings, place: str) -> Finding:
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, prefix = bucket_of(place)
    key = f"{prefix}/{PROBE}/{secrets.token_hex(8)}".lstrip("/")
    store = client(settings)
    try:
        begun = time.time()
        store.put_object(Bucket=bucket, Key=key, Body=b"herdbook")
        took = time.time() - begun
        answer = store.get_object(Bucket=bucket, Key=key)
        answer["Body"].read()
        store.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
    except (BotoCoreError, ClientError) as error:
        raise ObjectStoreError(f"{place}: {error}", _remedy(str(error), place)) from None
    _delete(settings, bucket, key)
    ahead = answer["LastModified"].timestamp() - begun
    if abs(ahead) > _CLOCK_S:
        said = f"the store's clock and ours differ by {ahead:.0f} s"
        return Finding(name, Verdict.FAIL, said, "Set both by NTP: signatures of requests will be refused.")
    return Finding(name, Verdict.OK, f"{place}: written ({took * 1000:.0f} ms), read, listed, deleted")


def _delete(settings: Settings, bucket: str, key: str) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client(settings).delete_object(Bucket=bucket, Key=key)
    except (BotoCoreError, ClientError) as error:
        said = f"s3://{bucket}/{key} cannot be deleted: {error}"
        remedy = "Allow s3:DeleteObject: `maintain` must remove files of loads that were replaced. Delete that one."
        raise ObjectStoreError(said, remedy) from None


def _remedy(said: str, place: str) -> str:
    """What to do about an answer of a store."""
    if "NoSuchBucket" in said or "404" in said:
        return f"`herdbook init` makes the bucket of {place}, if its key may; else its owner does."
    if any(sign in said for sign in ("AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch")):
        return "Check the key in HERDBOOK_S3_CREDENTIALS and that it may get, put, list and delete in this bucket."
    if "SSL" in said or "certificate" in said.lower():
        return "Name the certificates of the store's own authority in HERDBOOK_S3_CA."
    return "Check HERDBOOK_S3_ENDPOINT, and that the store runs and can be reached from here."
