"""The agent does what its OpenAPI document says, whatever is asked of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from herdbook.edge.agent import create_agent
from herdbook.edge.config import DeviceCamera, DeviceConfig
from herdbook.edge.recorder import record_day
from support.fuzz import cases, ran

TOKEN = "a-token-of-forty-characters-for-the-tests"
KEY = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DeviceConfig]:
    root = tmp_path_factory.mktemp("device")
    (root / "clips").mkdir()
    camera = DeviceCamera(camera_id="c", pen_id="p", width=160, height=120, fps=5, source=str(root / "clips"))
    config = DeviceConfig(device_id="barn-1", farm_id="farm-1", timezone="UTC", cameras=(camera,))
    record_day(config, root, date(2026, 6, 1), now=datetime(2026, 6, 3, tzinfo=UTC))
    return root, config


OPERATIONS = [
    ("GET", "/v1/health"),
    ("GET", "/v1/hardware"),
    ("GET", "/v1/days"),
    ("GET", "/v1/days/{day}/manifest"),
    ("GET", "/v1/files/{sha256}"),
    ("HEAD", "/v1/files/{sha256}"),
    ("POST", "/v1/days/{day}/acknowledgement"),
    ("GET", "/v1/alerts"),
    ("POST", "/v1/alerts/acknowledgement"),
    ("GET", "/v1/release"),
    ("POST", "/v1/release/check"),
    ("GET", "/v1/plans/{sha256}"),
    ("PUT", "/v1/token"),
    ("POST", "/v1/certificate/request"),
    ("PUT", "/v1/certificate"),
]


@pytest.fixture(scope="module")
def api(device: tuple[Path, DeviceConfig]) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_asgi("/openapi.json", create_agent(*device, TOKEN), headers=KEY)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@cases(short=10, nightly=700)
@given(data=st.data())
def test_every_answer_is_as_documented(
    api: schemathesis.BaseSchema, method: str, path: str, data: st.DataObject
) -> None:
    ran(f"agent: {method} {path}")
    case = data.draw(api[path][method].as_strategy())
    case.call_and_validate(headers=KEY)


def test_the_document_is_complete(device: tuple[Path, DeviceConfig]) -> None:
    document = TestClient(create_agent(*device, TOKEN), headers=KEY).get("/openapi.json").json()
    assert document["components"]["securitySchemes"]
    operations = [op for methods in document["paths"].values() for op in methods.values()]
    assert len(operations) == len(OPERATIONS)
    for operation in operations:
        assert operation["security"]
        assert operation["description"]
        assert "401" in operation["responses"]
        for status, response in operation["responses"].items():
            assert response["description"]
            if status[0] == "4":
                assert response["content"]["application/json"]["schema"]["$ref"].endswith("/Problem")
