"""`make up` serves MLflow's pages over the demo's registry, and they end with it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from herdbook.demo.mlflow import serve_mlflow
from herdbook.demo.place import Place
from herdbook.settings import Settings

pytest.importorskip("mlflow")


@pytest.mark.slow
def test_the_pages_are_served_and_end_with_the_demo(tmp_path: Path) -> None:
    with ExitStack() as stack:
        url = serve_mlflow(Place(Settings(home=tmp_path)), stack)
        assert url is not None
        assert "<html" in httpx.get(url).text
        said = httpx.get(f"{url}/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": "herdbook"})
        assert said.json()["experiment"]["artifact_location"] == (tmp_path / "registry" / "artifacts").as_uri()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_a_server_of_ones_own_is_used(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, mlflow_uri="http://mlflow.example:5000")
    assert serve_mlflow(Place(settings), ExitStack()) == "http://mlflow.example:5000"
    assert not (tmp_path / "registry").exists()
