"""On production's engines: a night ends in the herd, and a release goes through the fleet.

PostgreSQL, Redis, Celery workers for both queues, S3 and MLflow are real processes, started by the commands, variables,
secrets and health checks of ``docker-compose.yml``.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest
import yaml

import herdbook
from herdbook.demo.airflow import checkout
from herdbook.doctor import Verdict, examine
from herdbook.edge.install import provision
from herdbook.fleet.repository import newest_root
from herdbook.fleet.rollout import overview
from herdbook.fleet.trust import ceremony, publish_release
from herdbook.fleet.trust.keys import OfflineKeys
from herdbook.learning.registry.models import COMPACT, download, register
from herdbook.learning.registry.origin import take_origin
from herdbook.learning.registry.tracking import start_run
from support.agents import make_device, serving
from support.cluster import AIRFLOW, PATIENCE_S, Cluster, cluster
from support.device_day import DaySpec
from support.made_release import make_release
from support.plain_release import write_plain_release
from support.rollouts import NEW, policy
from support.s3 import Store
from support.trust import PASSPHRASE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

DAYS = [date(2026, 3, 2), date(2026, 3, 3)]
DEVICES = ("barn-a-1", "barn-a-2")
SPEC = DaySpec(clips=1)
DAGS = ("nightly_ingest", "load_herd", "redeploy_fleet")


def queues(on: Cluster, dag_id: str, run_id: str) -> dict[str, str]:
    """Of a run's tasks that were run at all."""
    return {task["task_id"]: task["queue"] for task in on.tasks(dag_id, run_id) if task["state"] == "success"}


def make_updating_device(root: Path, url: str, trust: bytes) -> None:
    """A device's folder that trusts the platform and takes up what is assigned."""
    make_device(root, root.name, DAYS, SPEC)
    document = yaml.safe_load((root / "device.yaml").read_text())
    document |= {"sku": "cpu", "spare_memory_mib": 0, "updates": {"url": url, "reserve_mib": 0}}
    (root / "device.yaml").write_text(yaml.safe_dump(document))
    provision(root, trust)


def test_a_night_and_a_rollout(
    tmp_path: Path, s3: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "policy.yaml"
    rules.write_text(
        yaml.safe_dump(json.loads(policy({"waves": {"sizes": [9], "most_of_farm": 1.0}}).model_dump_json()))
    )
    told = {
        "HERDBOOK_RETRY_DELAY_S": "5",
        "HERDBOOK_ROLLOUT_STEP_S": "2",
        "HERDBOOK_ROLLOUT_POLICY": str(rules),
        "HERDBOOK_BRIDGE_CLIPS": "2",
    }
    with cluster(tmp_path / "cluster", s3, told) as farm, ExitStack() as stack:
        monkeypatch.setenv("PGPASSFILE", farm.variables("init")["PGPASSFILE"])
        settings = farm.settings()
        farm.start("mlflow", *AIRFLOW, "releases")

        # while Airflow starts: keys, a signed release, devices
        (tmp_path / "stick").mkdir()
        ceremony.init(settings, OfflineKeys((tmp_path / "stick",), PASSPHRASE))
        release = make_release(tmp_path, write_plain_release(tmp_path / "source"), NEW)
        publish_release(settings, release)
        releases = farm.processes["releases"].wait_for(r"http://\S+")
        for device in DEVICES:
            make_updating_device(tmp_path / device, releases, newest_root(settings).read_bytes())

        farm.wait_until_well("mlflow", *AIRFLOW, "releases")
        farm.wait_until_healthy(PATIENCE_S)
        farm.log_in("admin", farm.password())
        for dag_id in DAGS:
            farm.switch_on(dag_id, PATIENCE_S)
        farm.wait_for_first_runs("nightly_ingest", PATIENCE_S)  # over before there is any device
        for device in DEVICES:
            stack.enter_context(serving(settings, tmp_path / device, "--update"))

        night = farm.wait(farm.trigger("nightly_ingest", {"until": str(DAYS[-1])}), PATIENCE_S)
        loaded = farm.wait_for_next("load_herd", night, "herd_days", PATIENCE_S)
        with herdbook.connect(settings.published) as herd:
            found = herd.execute("SELECT device_id, day, bout_rows FROM device_day ORDER BY ALL").fetchall()
        assert found == [(device, day, 48) for device in DEVICES for day in DAYS]
        assert set(queues(farm, "nightly_ingest", night.run_id).values()) == {"io"}
        assert set(queues(farm, "load_herd", loaded.run_id).values()) == {"io"}
        assert [name for name in s3.names("s3://herdbook-lake/data") if "/bout/" in name], "rows lie in S3"
        assert not list(settings.home.rglob("*.sqlite")), "and nothing in a file of SQLite's"

        capfd.readouterr()
        with start_run(settings, "by hand", take_origin(checkout())) as run:
            version = register(run, COMPACT, [release / "release.json"], "0" * 64)
        kept = download(settings, version, tmp_path / "kept") / "release.json"
        assert kept.read_bytes() == (release / "release.json").read_bytes()
        assert capfd.readouterr().out == "", "stdout is our commands' own"
        assert s3.names("s3://herdbook-mlflow"), "MLflow's server keeps files in S3, and its clients need no key"

        rollout = farm.wait(farm.trigger("redeploy_fleet", {"release": NEW}), PATIENCE_S)
        assert overview.rollout(settings)["phase"] == "done"
        assert {row.device: row.actual for row in overview.fleet(settings)} == dict.fromkeys(DEVICES, NEW)
        done = queues(farm, "redeploy_fleet", rollout.run_id)
        assert done == {"asked": "io", "pools": "io", "rollout": "io", "bridge": "learning"}
        assert not settings.alerts.exists()

        connections = {"lake", "lake data", "ledger", "mlflow", "dvc remote", "broker", "published", "secrets"}
        connections |= {"postgresql of the lake", "postgresql of the ledger"}
        deadline = time.monotonic() + PATIENCE_S
        while True:  # workers answer within seconds, on a machine that is not too busy for it
            said = {finding.name: finding for finding in examine(settings) if finding.name in connections}
            if time.monotonic() > deadline or {finding.verdict for finding in said.values()} == {Verdict.OK}:
                break
        assert {name: said[name] for name in connections if said[name].verdict is not Verdict.OK} == {}
        assert "2 workers" in said["broker"].detail
