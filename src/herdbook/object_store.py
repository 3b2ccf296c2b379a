"""The S3 store as its clients are told of it: DuckDB by a secret, those that use boto3 (DVC, MLflow) by variables.

Credentials come from a file in AWS's own format (``HERDBOOK_S3_CREDENTIALS``), and where there is none from where boto3
looks: its variables, a profile, the machine's or the container's role. They are never settings, arguments or variables
of ours: what a process is told is the file's path.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from herdbook.errors import ConfigurationError, MissingDependencyError, ObjectStoreError
from herdbook.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

SCHEME = "s3://"
_PROFILE = "default"


@dataclass(frozen=True)
class Credentials:
    """A key of the store. Neither half shows in messages."""

    key_id: str
    secret: str
    token: str = ""
    """Of a temporary key."""

    def __repr__(self) -> str:
        """Without what must not be told."""
        return "Credentials(***)"


def is_object_store(path: str) -> bool:
    """Whether a path is a prefix in an S3 store rather than a folder."""
    return path.startswith(SCHEME)


def bucket_of(url: str) -> tuple[str, str]:
    """Bucket and prefix of an ``s3://`` address.

    Raises:
        ConfigurationError: it names no bucket.
    """
    rest = url.removeprefix(SCHEME)
    bucket, _, prefix = rest.partition("/")
    if not is_object_store(url) or not bucket:
        raise ConfigurationError(f"'{url}' names no bucket", "Write s3://BUCKET/PREFIX.")
    return bucket, prefix.strip("/")


def credentials(settings: Settings) -> Credentials:
    """The key that this installation uses.

    Raises:
        ConfigurationError: the file cannot be used, or nobody knows a key.
        MissingDependencyError: no file is named, and boto3, which would look elsewhere, is not installed.
    """
    if settings.s3_credentials is not None:
        return _of_file(settings.s3_credentials)
    try:
        import boto3
    except ImportError as error:
        raise MissingDependencyError(
            "the object store's key is unknown", "Name its file in HERDBOOK_S3_CREDENTIALS, or install boto3."
        ) from error
    found = boto3.Session().get_credentials()
    if found is None:
        raise ConfigurationError(
            "the object store's key is unknown",
            "Name a file with it in HERDBOOK_S3_CREDENTIALS: [default], aws_access_key_id, aws_secret_access_key.",
        )
    frozen = found.get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token or "")


def _of_file(path: Path) -> Credentials:
    parser = configparser.RawConfigParser()
    remedy = "It needs [default] with aws_access_key_id and aws_secret_access_key."
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
        said = dict(parser[_PROFILE])
        return Credentials(said["aws_access_key_id"], said["aws_secret_access_key"], said.get("aws_session_token", ""))
    except OSError as error:
        raise ConfigurationError(f"HERDBOOK_S3_CREDENTIALS: {path} cannot be read: {error.strerror}") from error
    except (UnicodeError, configparser.Error, KeyError):  # whose message may repeat a line of the file
        raise ConfigurationError(f"HERDBOOK_S3_CREDENTIALS: {path} holds no key", remedy) from None


def duckdb_statements(settings: Settings) -> Iterator[str]:
    """What a DuckDB connection is told once httpfs is loaded. Contains the key: never to be logged.

    Raises:
        ConfigurationError, MissingDependencyError: as `credentials`.
    """
    key = credentials(settings)
    said = {"KEY_ID": key.key_id, "SECRET": key.secret, "REGION": settings.s3_region}
    if key.token:
        said["SESSION_TOKEN"] = key.token
    plain = False
    if settings.s3_endpoint:
        address = urlsplit(settings.s3_endpoint)
        plain = address.scheme == "http"
        said |= {"ENDPOINT": address.netloc, "URL_STYLE": "path"}
    options = "".join(f", {name} {_literal(value)}" for name, value in said.items())
    options += f", USE_SSL {str(not plain).lower()}"
    yield f"CREATE SECRET IF NOT EXISTS herdbook_s3 (TYPE s3, PROVIDER config{options})"
    yield "SET GLOBAL enable_server_cert_verification = true"  # whichever of its HTTP clients DuckDB takes
    if settings.s3_ca is not None:
        yield f"SET GLOBAL ca_cert_file = {_literal(str(settings.s3_ca))}"


def variables(settings: Settings) -> dict[str, str]:
    """Environment variables of processes that reach the store through boto3. They hold no key, only its file."""
    said = {"AWS_DEFAULT_REGION": settings.s3_region}
    if settings.s3_endpoint:
        said |= {"AWS_ENDPOINT_URL_S3": settings.s3_endpoint, "MLFLOW_S3_ENDPOINT_URL": settings.s3_endpoint}
    if settings.s3_credentials is not None:
        said["AWS_SHARED_CREDENTIALS_FILE"] = str(settings.s3_credentials.absolute())
    if settings.s3_ca is not None:
        said["AWS_CA_BUNDLE"] = str(settings.s3_ca.absolute())
    return said


def client(settings: Settings) -> Any:
    """A boto3 client of the store.

    Raises:
        ConfigurationError: the key is unknown.
        MissingDependencyError: boto3 is not installed.
    """
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise MissingDependencyError(
            "buckets are looked after with boto3", "Install the extra 'cluster': pip install 'herdbook[cluster]'."
        ) from error
    key = credentials(settings)
    return boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint or None,
        region_name=settings.s3_region,
        verify=str(settings.s3_ca) if settings.s3_ca else None,
        aws_access_key_id=key.key_id,
        aws_secret_access_key=key.secret,
        aws_session_token=key.token or None,
        config=Config(connect_timeout=10, read_timeout=30, retries={"max_attempts": 2}),
    )


def make_bucket(settings: Settings, url: str) -> None:
    """Make the bucket of an address, unless it is there.

    Raises:
        ObjectStoreError: the store does not answer, or refuses.
        ConfigurationError, MissingDependencyError: as `client`.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _ = bucket_of(url)
    store = client(settings)
    try:
        try:
            store.head_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            home = settings.s3_region
            place = {} if home == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": home}}
            store.create_bucket(Bucket=bucket, **place)
    except (BotoCoreError, ClientError) as error:
        raise ObjectStoreError(f"the bucket {bucket} cannot be used: {error}") from error


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
