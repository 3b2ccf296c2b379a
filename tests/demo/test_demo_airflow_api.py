"""Airflow on a busy database: it answers 500 to what it has done, or nothing at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from herdbook.demo.airflow_api import AirflowApi
from herdbook.errors import HerdbookError


class BusyAirflow(BaseHTTPRequestHandler):
    """Creates a run, and fails to say so as often as ``failures`` has entries: a status, or 0 for hanging up."""

    runs: list[str]
    failures: list[int]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        run_id = asked["dag_run_id"]
        known = run_id in self.runs
        if not known:
            self.runs.append(run_id)
        if self.failures:
            self._answer(self.failures.pop(), {})
        else:
            self._answer(409 if known else 200, {})

    def do_GET(self) -> None:
        run_id = self.path.rpartition("/")[2]
        body = {"dag_id": "nightly_ingest", "dag_run_id": run_id, "state": "queued", "start_date": None}
        self._answer(200 if run_id in self.runs else 404, body)

    def _answer(self, status: int, body: object) -> None:
        if status:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def busy(*failures: int) -> Iterator[tuple[AirflowApi, list[str]]]:
    handler = type("Handler", (BusyAirflow,), {"runs": [], "failures": list(failures)})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        api = AirflowApi(f"http://127.0.0.1:{server.server_port}", Path("standalone.log"))
        yield api, handler.runs  # type: ignore[attr-defined]
        api.close()
        server.shutdown()


@pytest.mark.parametrize("failures", [(), (500,), (0,), (0, 500)], ids=str)
def test_a_run_asked_for_once_is_one_run(failures: tuple[int, ...]) -> None:
    with busy(*failures) as (api, runs):
        run = api.trigger("nightly_ingest", {"until": "2026-03-02"})
        assert runs == [run.run_id]


def test_two_runs_are_two() -> None:
    with busy() as (api, runs):
        assert api.trigger("nightly_ingest") != api.trigger("nightly_ingest")
        assert len(runs) == 2


def test_patience_ends_with_what_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("herdbook.demo.airflow_api.PATIENCE_S", 0.0)
    with busy(500) as (api, _), pytest.raises(HerdbookError, match="Airflow answers 500") as said:
        api.trigger("nightly_ingest")
    assert said.value.remedy == "See standalone.log."
