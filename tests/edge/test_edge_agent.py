from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Iterator, MutableMapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from edge_cases import AFTERWARDS, DAY, MakeDevice
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herdbook.contracts.device_day import Manifest, parse_manifest
from herdbook.edge.agent import create_agent
from herdbook.edge.config import DeviceCamera, DeviceConfig
from herdbook.edge.days import DayStore
from herdbook.edge.gate import MAX_BODY_BYTES
from herdbook.edge.recorder import Issued, record_day
from herdbook.edge.reissue import reissue_day
from herdbook.edge.retention import free_acknowledged

TOKEN = "a-token-of-forty-characters-for-the-tests"
KEY = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def stored(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A device folder with one recorded day; copy it before you change it."""
    root = tmp_path_factory.mktemp("stored")
    config = DeviceConfig(
        device_id="barn-1",
        farm_id="farm-1",
        timezone="Europe/London",
        cameras=(
            DeviceCamera(
                camera_id="cam-1",
                pen_id="pen-1",
                width=160,
                height=120,
                fps=5,
                source=str(films / "walk.mp4"),
                background=films / "empty.png",
            ),
        ),
    )
    record_day(config, root, DAY, now=AFTERWARDS)
    return root


@pytest.fixture
def root(stored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stored, tmp_path / "device"))


@pytest.fixture
def config(make_device: MakeDevice, films: Path) -> DeviceConfig:
    return make_device(films / "walk.mp4")


@pytest.fixture
def client(root: Path, config: DeviceConfig) -> Iterator[TestClient]:
    with TestClient(create_agent(root, config, TOKEN, now=lambda: AFTERWARDS), headers=KEY) as client:
        yield client


def manifest_of(client: TestClient) -> Manifest:
    return parse_manifest(client.get(f"/v1/days/{DAY}/manifest").content)


def acknowledge(client: TestClient, revision: int, sha256: str) -> int:
    body = {"revision": revision, "manifest_sha256": sha256}
    return client.post(f"/v1/days/{DAY}/acknowledgement", json=body).status_code


def reissued(root: Path, config: DeviceConfig) -> Issued:
    return reissue_day(config, root, DAY, now=AFTERWARDS)


def test_health_tells_the_devices_clock_and_space(client: TestClient) -> None:
    health = client.get("/v1/health").json()
    assert health["device_id"] == "barn-1"
    assert health["status"] == "ok"
    assert health["now"] == "2026-06-03T00:00:00Z"
    assert health["free_bytes"] > 0


def test_a_day_and_its_manifest(client: TestClient) -> None:
    (day,) = client.get("/v1/days").json()
    answer = client.get(f"/v1/days/{day['day']}/manifest")
    assert hashlib.sha256(answer.content).hexdigest() == day["manifest_sha256"]
    assert answer.headers["etag"] == f'"{day["manifest_sha256"]}"'
    assert (day["revision"], day["final"], day["acknowledged"]) == (1, True, False)


def test_every_file_of_the_manifest_is_served_as_named(client: TestClient) -> None:
    for file in manifest_of(client).files:
        answer = client.get(f"/v1/files/{file.sha256}")
        assert answer.status_code == 200
        assert hashlib.sha256(answer.content).hexdigest() == file.sha256
        assert answer.headers["etag"] == f'"{file.sha256}"'
        head = client.head(f"/v1/files/{file.sha256}")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) == file.bytes


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_file_fetched_in_any_pieces_is_the_file(client: TestClient, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(manifest_of(client).files))
    cuts = data.draw(st.lists(st.integers(1, file.bytes - 1), max_size=4, unique=True).map(sorted))
    edges = [0, *cuts, file.bytes]
    whole = b""
    for start, end in pairwise(edges):
        answer = client.get(f"/v1/files/{file.sha256}", headers={"Range": f"bytes={start}-{end - 1}"})
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{file.bytes}"
        whole += answer.content
    assert hashlib.sha256(whole).hexdigest() == file.sha256


def test_ranges_as_rfc_9110_has_them(client: TestClient) -> None:
    file = manifest_of(client).files[0]
    whole = client.get(f"/v1/files/{file.sha256}").content

    def get(range_: str, **headers: str) -> tuple[int, bytes]:
        answer = client.get(f"/v1/files/{file.sha256}", headers={"Range": range_, **headers})
        return answer.status_code, answer.content

    assert get("bytes=10-") == (206, whole[10:])
    assert get("bytes=-7") == (206, whole[-7:])
    assert get("bytes=0-0") == (206, whole[:1])
    assert get("bytes=5-9", **{"If-Range": f'"{file.sha256}"'}) == (206, whole[5:10])
    assert get("bytes=5-9", **{"If-Range": '"another"'}) == (200, whole)
    outside = client.get(f"/v1/files/{file.sha256}", headers={"Range": f"bytes={file.bytes}-"})
    assert outside.status_code == 416
    assert outside.headers["content-range"] == f"bytes */{file.bytes}"
    assert "detail" in outside.json()
    assert get("apples=1-2")[0] == 400


ACKNOWLEDGEMENT = f"/v1/days/{DAY}/acknowledgement"
OPERATIONS = [
    *(("GET", path) for path in ("/v1/health", "/v1/days", f"/v1/days/{DAY}/manifest", "/openapi.json", "/nowhere")),
    *((method, f"/v1/files/{'0' * 64}") for method in ("GET", "HEAD")),
    ("POST", ACKNOWLEDGEMENT),
]
NOT_THE_TOKEN = [None, "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ", "Bearer é", TOKEN]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("given_", NOT_THE_TOKEN)
@pytest.mark.parametrize("body", [b"", b"{", b"[" * 1_000_000], ids=len)
def test_nothing_is_told_without_the_token(
    client: TestClient, method: str, path: str, given_: str | None, body: bytes
) -> None:
    client.headers.pop("Authorization")
    answer = client.request(method, path, content=body, headers={"Authorization": given_.encode()} if given_ else {})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.text


@pytest.mark.parametrize("with_token", [True, False])
@pytest.mark.parametrize("announced", [True, False])
def test_no_more_of_a_body_is_read_than_can_be_of_use(client: TestClient, *, with_token: bool, announced: bool) -> None:
    read = 0

    def body() -> Iterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 512
            yield b" " * 512

    scope = {"type": "http", "method": "POST", "path": ACKNOWLEDGEMENT, "query_string": b"", "http_version": "1.1"}
    headers = [(b"authorization", KEY["Authorization"].encode())] if with_token else []
    headers += [(b"content-length", b"200000000")] if announced else [(b"transfer-encoding", b"chunked")]
    chunks, sent = body(), []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": next(chunks), "more_body": True}

    async def send(message: MutableMapping[str, object]) -> None:
        sent.append(message)

    asyncio.run(client.app(scope | {"headers": headers}, receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == (413 if with_token else 401)
    assert read == (MAX_BODY_BYTES + 512 if with_token and not announced else 0)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"[" * 1000, 400),
        (b"[" * MAX_BODY_BYTES, 400),
        (b"\xff", 400),
        (b"null", 422),
        (b'{"revision": 1}', 422),
        (b'{"revision": 100000000000000000000000, "manifest_sha256": "%s"}' % (b"0" * 64), 409),
        (b" " * (MAX_BODY_BYTES + 1), 413),
    ],
)
def test_a_bad_body_is_refused_in_one_sentence(client: TestClient, body: bytes, status: int) -> None:
    answer = client.post(ACKNOWLEDGEMENT, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert len(answer.json()["detail"]) < 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/files/../../../device.yaml",
        "/v1/files/..%2f..%2fdevice.yaml",
        "/v1/files/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/v1/days/../../etc/manifest",
        "/v1/days/2026-06-01%2f..%2f..%2f/manifest",
        "/v1/files/" + "A" * 64,
        "/v1/files/manifest.json",
    ],
)
def test_no_path_of_a_request_reaches_the_disk(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in (404, 422)


def test_files_that_no_manifest_names_are_not_served(client: TestClient, root: Path) -> None:
    secret = root / "days" / "2026-06-01" / "r1" / "inputs.json"
    assert client.get(f"/v1/files/{hashlib.sha256(secret.read_bytes()).hexdigest()}").status_code == 404


def test_only_the_current_manifest_is_acknowledged(client: TestClient, root: Path, config: DeviceConfig) -> None:
    (day,) = client.get("/v1/days").json()
    assert acknowledge(client, 1, "0" * 64) == 409
    assert acknowledge(client, 2, day["manifest_sha256"]) == 409
    reissued(root, config)
    assert acknowledge(client, 1, day["manifest_sha256"]) == 409
    assert not client.get("/v1/days").json()[0]["acknowledged"]
    assert client.post("/v1/days/2026-06-02/acknowledgement", json=day).status_code in (404, 422)


def test_an_acknowledged_day_is_freed_and_stays_known(client: TestClient, root: Path) -> None:
    manifest = manifest_of(client)
    (day,) = client.get("/v1/days").json()
    assert acknowledge(client, 1, day["manifest_sha256"]) == 204
    assert acknowledge(client, 1, day["manifest_sha256"]) == 204
    (after,) = client.get("/v1/days").json()
    assert after == day | {"acknowledged": True}
    assert manifest_of(client) == manifest
    assert all(client.get(f"/v1/files/{f.sha256}").status_code == 410 for f in manifest.files)
    assert sorted(p.name for p in (root / "days" / "2026-06-01" / "r1").iterdir()) == ["inputs.json", "manifest.json"]


@pytest.mark.parametrize(("policy", "left"), [("nothing", 7), ("clips", 6), ("files", 0)])
def test_the_policy_says_what_is_freed(
    root: Path, make_device: MakeDevice, films: Path, policy: str, left: int
) -> None:
    config = make_device(films / "walk.mp4", retention={"free": policy})
    with TestClient(create_agent(root, config, TOKEN), headers=KEY) as client:
        files = manifest_of(client).files
        acknowledge(client, 1, client.get("/v1/days").json()[0]["manifest_sha256"])
        assert sum(client.get(f"/v1/files/{f.sha256}").status_code == 200 for f in files) == left


def test_a_day_may_be_kept_for_a_while_after(root: Path, make_device: MakeDevice, films: Path) -> None:
    config = make_device(films / "walk.mp4", retention={"after_days": 3})
    store = DayStore(root)
    stored = store.latest(DAY)
    assert stored is not None
    assert free_acknowledged(store, root, config, AFTERWARDS + timedelta(days=99)) == 0  # never unacknowledged
    store.acknowledge(stored, AFTERWARDS)
    assert free_acknowledged(store, root, config, AFTERWARDS + timedelta(days=2)) == 0
    assert free_acknowledged(store, root, config, AFTERWARDS + timedelta(days=3)) == sum(
        f.bytes for f in stored.manifest.files
    )


def test_a_new_revision_replaces_the_old_and_frees_both_when_acknowledged(
    client: TestClient, root: Path, config: DeviceConfig
) -> None:
    old = manifest_of(client)
    reissued(root, config)
    (day,) = client.get("/v1/days").json()
    assert day["revision"] == 2
    assert all(client.get(f"/v1/files/{f.sha256}").status_code == 200 for f in old.files)
    assert acknowledge(client, 2, day["manifest_sha256"]) == 204
    assert not list(root.glob("days/*/r*/*.mp4"))


def test_broken_folders_do_not_stop_the_device(client: TestClient, root: Path) -> None:
    days = root / "days"
    (days / "not-a-day" / "r1").mkdir(parents=True)
    (days / "20260601" / "r1").mkdir(parents=True)
    (days / "2026-06-04" / "r1").mkdir(parents=True)
    (days / "2026-06-05" / "r1").mkdir(parents=True)
    (days / "2026-06-05" / "r1" / "manifest.json").write_text("{")
    (days / "2026-06-01" / "r2").mkdir()  # a broken revision above a sound one
    shutil.copytree(days / "2026-06-01" / "r1", days / "2026-06-06" / "r1")  # its manifest is of another day
    assert [day["day"] for day in client.get("/v1/days").json()] == ["2026-06-01"]
    assert client.get("/v1/days/2026-06-05/manifest").status_code == 404
    broken = [str(folder.relative_to(days)) for folder in DayStore(root).broken()]
    assert broken == ["2026-06-01/r2", "2026-06-04/r1", "2026-06-05/r1", "2026-06-06/r1"]


def test_a_damaged_file_is_not_passed_off_as_whole(client: TestClient, root: Path) -> None:
    file = next(f for f in manifest_of(client).files if f.name.endswith(".mp4"))
    path = root / "days" / "2026-06-01" / "r1" / file.name
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1])
    answer = client.get(f"/v1/files/{file.sha256}")
    assert answer.status_code == 410
    assert "issue the day again" in answer.json()["detail"]
