"""Configuration: typed, frozen, read here and nowhere else.

Every setting is an environment variable ``HERDBOOK_<NAME>``; a file named by ``HERDBOOK_ENV_FILE`` may hold them, and
then nothing else: a misspelt name there is an error.
Secrets are never settings: they are files named by settings or kept under ``$HERDBOOK_HOME/secrets``.
"""

from __future__ import annotations

import os
from datetime import time
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from herdbook.contracts.farmtime import TimezoneName
from herdbook.errors import ConfigurationError

Seconds = Annotated[float, Field(gt=0)]
Bytes = Annotated[int, Field(ge=0)]
Endpoint = Annotated[str, Field(pattern=r"^(https?://[A-Za-z0-9._\[\]:-]+)?$")]
"""Scheme, host and port: no path, and no password."""


class Settings(BaseSettings):
    """What an installation is told from outside. Empty strings mean "the embedded default under ``home``"."""

    model_config = SettingsConfigDict(env_prefix="HERDBOOK_", frozen=True, extra="forbid", env_file_encoding="utf-8")

    home: Path = Path(".herdbook")
    """State lives here and nowhere else."""
    catalog: str = ""
    """DuckLake catalog: ``sqlite:FILE`` or ``postgres:DSN``."""
    data_path: str = ""
    """Where the lake's Parquet files lie: a folder or an ``s3://`` prefix."""
    ledger_url: str = ""
    """SQLAlchemy URL of the ledger."""
    mlflow_uri: str = ""
    """Where MLflow keeps runs and models: a database or server."""
    mlflow_store: str = ""
    """Database behind MLflow's server, where ``mlflow_uri`` is one: backups copy it."""
    mlflow_artifacts: str = ""
    """Where runs' files lie, a folder or an ``s3://`` prefix. A server knows by itself; backups do not."""
    backup_folder: Path | None = None
    """Where backups go; another disk than ``home`` survives this one's end."""
    backup_objects: bool = True
    """Whether backups copy what lies in an object store; if not, its own versioning must keep it."""
    dvc_remote: str = ""
    """Where training data of DVC are pushed to, beside the cache under ``home``: a folder or an ``s3://`` prefix."""
    s3_endpoint: Endpoint = ""
    """Address of an S3 server of one's own, ``http://`` or ``https://``; empty is AWS. Its buckets are in the path."""
    s3_region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] = "us-east-1"
    """Region of the buckets."""
    s3_credentials: Path | None = None
    """File with the store's key, in the format of AWS's ``credentials``; boto3's own search if unset."""
    s3_ca: Path | None = None
    """File of the certificates (PEM) that the S3 server's is checked against; the system's own if unset."""
    broker_url_file: Path | None = None
    """File with the address of Celery's broker, which Airflow is given too; for `herdbook doctor`. None: no Celery."""
    footage_budget_bytes: Bytes = 20_000_000_000
    """Footage pulled per device and day, best first; records do not count."""
    footage_keep_days: Annotated[int, Field(ge=1)] = 90
    """Footage older than this is removed by ``maintain``; records are kept for ever."""
    landing_keep_days: Annotated[int, Field(ge=1)] = 14
    """Record files of days loaded longer ago than this are removed by ``maintain``: their rows are in the lake."""
    lookback_days: Annotated[int, Field(ge=0)] = 14
    """How far back a day that a device does not offer counts as missing; what it offers is asked for however old."""
    parallel_files: Annotated[int, Field(ge=1, le=64)] = 4
    """Files fetched at once from one device."""
    clock_skew_s: Seconds = 300.0
    """A device whose clock differs from ours by more is not ingested."""
    timeout_s: Seconds = 30.0
    """Longest silence of a device within a request."""
    plain_http_hosts: str = ""
    """Hosts, separated by commas, whose agents may be spoken to without TLS; this machine's own need no leave."""
    lake_wait_s: Seconds = 120.0
    """How long a writer waits for its turn in the lake."""
    load_tasks: Annotated[int, Field(ge=1, le=64)] = 1
    """Tasks that share a night's loads; several are of use with a PostgreSQL catalog and several workers."""
    database_wait_s: Seconds = 30.0
    """How long a database server that does not answer is waited for; a restart takes less."""
    query_memory: Annotated[str, Field(pattern=r"^(\d{1,6} ?(MB|MiB|GB|GiB))?$")] = ""
    """What one process may hold of the lake in memory, for example ``4GiB``; empty is four fifths of the machine's."""
    identity_threshold: Annotated[float, Field(ge=0, le=1)] = 0.6
    """Claims at or above this confidence count as identified."""
    embedding_bits: Literal[4, 8] = 4
    """Bits in which the lake keeps each value of an embedding from now on; 8 is what devices send (decision 0252)."""
    publish_embeddings: bool = False
    """Whether ``herd.duckdb`` also holds every single embedding."""
    night_at: time = time(1, 0)
    """Farm-local time at which the nightly DAG starts."""
    night_timezone: TimezoneName = "UTC"
    """IANA time zone of ``night_at``; the farm's own, or that of the farm that ends its day last."""
    night_hours: Annotated[float, Field(gt=0, le=24)] = 6.0
    """Longest that one night fetches from one device; the herd does not wait longer, the next night goes on with it."""
    snapshot_keep_days: Annotated[int, Field(ge=1)] = 30
    """Lake snapshots older than this expire, but for pinned ones."""
    retries: Annotated[int, Field(ge=0, le=20)] = 4
    """How often a DAG's task is tried again in one night."""
    retry_delay_s: Seconds = 300.0
    """Wait before the first retry; it doubles with each."""
    python: str = ""
    """Interpreter that runs the DAGs' commands, each in a process of its own; empty is the one Airflow runs in."""
    learning_python: str = ""
    """Interpreter that trains: `learn retrain`, `reproduce` and `ablate` go on in it; empty is the command's own."""
    teacher: Path | None = None
    """Folder of the teacher's weights, which reads again each night what devices were unsure of; nobody if unset."""
    evaluation_scenes: Path | None = None
    """Folder of clips with truth on which challenger and champion are judged; no dataset is drawn from it."""
    rollout_policy: Path | None = None
    """File of what differs from the shipped policy of rollouts (`herdbook.fleet.rollout.policy`)."""
    rollout_step_s: Seconds = 60.0
    """Seconds between a rollout's steps: how often its devices are asked."""
    bridge_clips: Annotated[int, Field(ge=2, le=10_000)] = 48
    """How many archived clips old and new release both read after a rollout, at most (`herdbook learn bridge`)."""
    approve_promotion: bool = False
    """Whether a person in Airflow must approve a promotion that passed its gates."""
    approval_days: Annotated[float, Field(gt=0)] = 7.0
    """How long it waits for that person; then the champion stays."""
    trust_keys: Path | None = None
    """Folder of the online signing keys (timestamp, snapshot, releases, assignments)."""
    trust_timestamp_days: Annotated[float, Field(gt=0)] = 7.0
    """How long devices may install after the platform's last sign of life; `maintain` gives one every night."""
    trust_snapshot_days: Annotated[float, Field(gt=0)] = 14.0
    """Validity of the list of what is current."""
    trust_roles_days: Annotated[float, Field(gt=0)] = 90.0
    """Validity of what the roles ``releases`` and ``assignments`` sign."""
    trust_offline_days: Annotated[float, Field(gt=0)] = 365.0
    """Validity of what the offline keys sign: a ceremony is due before it ends."""
    release_keep_days: Annotated[int, Field(ge=1)] = 90
    """Releases that no device in service is assigned leave the signed repository after this long."""

    @property
    def plain_hosts(self) -> frozenset[str]:
        """Hosts that may be spoken to without TLS."""
        return frozenset(name.strip().lower() for name in self.plain_http_hosts.split(",") if name.strip())

    @property
    def lake_catalog(self) -> str:
        """DuckLake attach target without the ``ducklake:`` prefix."""
        return self.catalog or f"sqlite:{self.home / 'lake' / 'catalog.sqlite'}"

    @property
    def lake_data_path(self) -> str:
        """Folder or prefix of the lake's Parquet files."""
        return self.data_path or str(self.home / "lake" / "data")

    @property
    def ledger_database_url(self) -> str:
        """SQLAlchemy URL of the ledger."""
        return self.ledger_url or f"sqlite:///{self.home / 'ledger.sqlite'}"

    @property
    def mlflow_tracking_uri(self) -> str:
        """MLflow's tracking and registry URI."""
        return self.mlflow_uri or f"sqlite:///{self.registry / 'mlflow.sqlite'}"

    @property
    def buckets(self) -> list[str]:
        """Addresses in the S3 store that this installation writes to."""
        return [url for url in (self.data_path, self.dvc_remote, self.mlflow_artifacts) if url.startswith("s3://")]

    @property
    def mlflow_database_url(self) -> str:
        """SQLAlchemy URL of MLflow's database; the address of a server that does not say its own."""
        return self.mlflow_store or self.mlflow_tracking_uri

    @property
    def mlflow_artifacts_place(self) -> str:
        """Folder or prefix of MLflow's files."""
        return self.mlflow_artifacts or str(self.registry / "artifacts")

    @property
    def registry(self) -> Path:
        """Runs, models, and the workspaces of training."""
        return self.home / "registry"

    @property
    def releases(self) -> Path:
        """What the fleet runs: releases as they were made, and the signed repository."""
        return self.home / "releases"

    @property
    def published(self) -> Path:
        """The read-only database that people open."""
        return self.home / "herd.duckdb"

    @property
    def landing(self) -> Path:
        """Device days fetched and checked, waiting for or past their load."""
        return self.home / "landing"

    @property
    def footage(self) -> Path:
        """Clips kept by policy."""
        return self.home / "footage"

    @property
    def quarantine(self) -> Path:
        """What was rejected, with its reason."""
        return self.home / "quarantine"

    @property
    def backups(self) -> Path:
        """Where ``maintain`` writes backups."""
        return self.backup_folder or self.home / "backups"

    @property
    def inbox(self) -> Path:
        """Where people drop files for the DAGs to import."""
        return self.home / "inbox"

    @property
    def sync(self) -> Path:
        """Files that say which servers farm records are followed from, one each."""
        return self.home / "sync"

    @property
    def alerts(self) -> Path:
        """What a night could not do, one JSON object a line."""
        return self.home / "alerts.jsonl"

    @property
    def online_keys(self) -> Path:
        """Folder of the online signing keys; readable by their owner only."""
        return self.trust_keys or self.secrets / "trust"

    @property
    def authority(self) -> Path:
        """The farm's own certificate authority: its key, its certificate, what it issued to devices."""
        return self.secrets / "ca"

    @property
    def secrets(self) -> Path:
        """Device tokens and signing keys; readable by their owner only."""
        return self.home / "secrets"


@cache
def get_settings() -> Settings:
    """The process's settings, read once.

    Raises:
        ConfigurationError: a variable is not a valid value, or the file that holds some cannot be used.
    """
    file = os.environ.get("HERDBOOK_ENV_FILE")
    try:
        if file:
            Path(file).read_text(encoding="utf-8")  # pydantic passes over a file that is not there
        settings = Settings(_env_file=file)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        if first["type"] == "extra_forbidden":
            raise ConfigurationError(
                f"{file}: {name} is not a setting", "Correct its name; the operator's page lists where all are."
            ) from error
        raise ConfigurationError(f"HERDBOOK_{name}: {first['msg']}") from error
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"HERDBOOK_ENV_FILE: {file} cannot be read: {error}") from error
    return settings.model_copy(update={"home": settings.home.expanduser().absolute()})
