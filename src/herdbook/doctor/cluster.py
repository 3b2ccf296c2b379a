"""Celery's broker: it answers, and workers listen to each queue."""

from __future__ import annotations

from pathlib import Path

from herdbook.doctor.findings import Finding, Verdict
from herdbook.errors import BrokerError, ConfigurationError, MissingDependencyError
from herdbook.settings import Settings

QUEUES = ("io", "learning")
"""As the DAGs name them (`herdbook_airflow.queues`)."""
_ANSWER_S = 3.0


def broker(settings: Settings) -> Finding:
    """Redis, with the address that Airflow is given.

    Raises:
        ConfigurationError: the file with its address cannot be read.
        MissingDependencyError: the extra ``cluster`` is not installed.
        BrokerError: it does not answer, or refuses.
    """
    name, file = "broker", settings.broker_url_file
    if file is None:
        return Finding(name, Verdict.ABSENT, "no HERDBOOK_BROKER_URL_FILE: tasks run on this machine alone")
    try:
        url = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"HERDBOOK_BROKER_URL_FILE: {file} cannot be read: {error}") from error
    version, policy = _server(url, file)
    if policy not in ("noeviction", ""):
        said = f"Redis {version} drops tasks when its memory is full ({policy})"
        return Finding(name, Verdict.FAIL, said, "Set maxmemory-policy noeviction.")
    workers, served = _listening(url)
    said = f"Redis {version}, {workers} workers"
    if idle := [queue for queue in QUEUES if queue not in served]:
        remedy = f"Start one: airflow celery worker --queues {idle[0]}. Until then its tasks wait."
        return Finding(name, Verdict.WARN, f"{said}; none serves {', '.join(idle)}", remedy)
    return Finding(name, Verdict.OK, f"{said} serve {', '.join(QUEUES)}")


def _server(url: str, file: Path) -> tuple[str, str]:
    """Version, and what is done when memory is full; empty where we may not ask."""
    try:
        import redis
    except ImportError as error:
        raise MissingDependencyError("the broker is asked with the extra 'cluster' (celery, redis)") from error
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as client:
            version = str(client.info("server")["redis_version"])
            try:
                return version, str(client.config_get("maxmemory-policy").get("maxmemory-policy", ""))
            except redis.ResponseError:  # managed servers hide their configuration
                return version, ""
    except redis.AuthenticationError:
        raise BrokerError("Redis refuses the password", f"Renew {file} from Redis's own requirepass.") from None
    except redis.RedisError as error:
        raise BrokerError(f"Redis does not answer: {str(error).replace(url, 'redis://***')}") from None
    except ValueError:  # whose message may repeat the password
        raise BrokerError(f"{file} holds no address of Redis", "Write redis://:PASSWORD@HOST:6379/0.") from None


def _listening(url: str) -> tuple[int, set[str]]:
    """How many workers answer, and the queues that they serve."""
    from celery import Celery

    answers = Celery(broker=url).control.inspect(timeout=_ANSWER_S).active_queues() or {}
    return len(answers), {queue["name"] for queues in answers.values() for queue in queues}
