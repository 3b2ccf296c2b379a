"""What a step did is one line of JSON in its log, and figures that Airflow sends by UDP."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from herdbook.settings import get_settings


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where a StatsD server would listen, and Airflow told of it as its workers are."""
    pytest.importorskip("statsd", reason="metrics need the extra 'cluster'")
    from airflow.sdk.observability import stats
    from airflow.sdk.observability.metrics import stats_utils

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        sink.settimeout(10)
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_HOST", "127.0.0.1")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_PORT", str(sink.getsockname()[1]))
        stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=True)
        yield sink


def heard(sink: socket.socket, wanted: int) -> dict[str, str]:
    """So many figures by name."""
    found = {}
    while len(found) < wanted:
        for figure in sink.recv(4096).decode().splitlines():
            name, _, value = figure.partition(":")
            found[name.removeprefix("airflow.")] = value
    return found


def test_a_night_is_counted(figures: socket.socket) -> None:
    from herdbook_airflow.command import Outcome
    from herdbook_airflow.steps import count

    row = {"device": "barn-a-1", "day": "2026-03-02", "bytes": 500, "findings": []}
    finding = {"error": "DayBoundaryError", "file": "bout.parquet", "rows": 2}
    rows = [row | {"state": "landed", "findings": [finding]}, row | {"state": "missing", "bytes": 0}]
    count(["ingest", "barn-a-1", "--until", "2026-03-02"], Outcome(37, "", rows), 1.5)
    found = heard(figures, 6)
    assert found["herdbook.seconds.ingest"] == "1500.000000|ms"
    assert found["herdbook.exit.37"] == "1|c"
    assert (found["herdbook.device_days.landed"], found["herdbook.device_days.missing"]) == ("1|c", "1|c")
    assert {"herdbook.bytes", "herdbook.quarantined"} <= set(found)


def test_loads_coverage_and_queues_are_counted(figures: socket.socket) -> None:
    from herdbook_airflow.command import Outcome
    from herdbook_airflow.steps import count

    count(["load", "--no-publish"], Outcome(0, "", [{}, {}, {}]), 1)
    count(["publish"], Outcome(0, "", [{"published": "x", "coverage": 0.875}]), 1)
    count(["herd", "reviews"], Outcome(0, "", [{"identity": 4, "learning": 11}]), 1)
    found = heard(figures, 7)
    assert found["herdbook.device_days.loaded"] == "3|c"
    assert found["herdbook.coverage.share"] == "0.875|g"
    assert (found["herdbook.queue.identity"], found["herdbook.queue.learning"]) == ("4.0|g", "11.0|g")


def test_a_commands_own_line_names_device_and_day(caplog: pytest.LogCaptureFixture, figures: socket.socket) -> None:
    """By the operator, with a real command in a process of its own."""
    from airflow.sdk.exceptions import AirflowFailException

    from herdbook.ledger.migrate import upgrade
    from herdbook_airflow.operators import HerdbookOperator

    upgrade(get_settings())
    subject = {"device_id": "barn-a-9", "until": "2026-03-02"}
    arguments = ["ingest", "barn-a-9", "--until", "2026-03-02"]
    task = HerdbookOperator(task_id="ingest_device", arguments=arguments, subject=subject)
    told: list[str] = []
    task.log.info = lambda text, *words: told.append(text % words)  # type: ignore[method-assign]
    with pytest.raises(AirflowFailException, match="exit code 12"):
        task.execute({})
    (line,) = [json.loads(text) for text in told if text.startswith("{")]
    assert line.pop("seconds") > 0
    assert line == {"step": "ingest", "device": "barn-a-9", "day": "2026-03-02", "exit_code": 12}
    assert heard(figures, 2)["herdbook.exit.12"] == "1|c"
