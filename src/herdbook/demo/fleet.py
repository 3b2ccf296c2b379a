"""The demo's fleet: what devices install is signed, and the champion goes out to them, canary first."""

from __future__ import annotations

import secrets
from contextlib import ExitStack

import yaml

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.demo.airflow import Airflow
from herdbook.demo.place import Place
from herdbook.demo.processes import command, run
from herdbook.demo.steps import Detail
from herdbook.edge.config import CONFIG_NAME, Updates, read_device_config, write_device_config
from herdbook.edge.triton.environment import triton_home
from herdbook.fleet.repository import repository_folder
from herdbook.fleet.rollout.overview import fleet
from herdbook.learning.registry.models import CHAMPION, COMPACT, find

DAGS = ("redeploy_fleet",)
POLICY = {"hours": {"canary": 0.5, "wave": 0.5, "silence": 0.1, "soak": 0.0, "absent": 0.0}}
"""What differs from the shipped policy: nobody watches a demo for hours."""
LIMIT_S = 1800.0


def settings_of(place: Place) -> dict[str, str]:
    """What Airflow's processes are told for rollouts."""
    return {
        "HERDBOOK_ROLLOUT_POLICY": str(place.policy.absolute()),
        "HERDBOOK_ROLLOUT_STEP_S": "2",
        "HERDBOOK_BRIDGE_CLIPS": "4",
    }


def set_up_signing(place: Place) -> str:
    """``herdbook fleet trust init``. The offline keys would be on a stick in a safe; here they lie beside the demo."""
    make_folder(place.root)
    write_durably(place.policy, yaml.safe_dump(POLICY).encode())
    if not place.passphrase.exists():
        write_durably(place.passphrase, f"{secrets.token_urlsafe(24)}\n".encode(), mode=0o600)
    keys = make_folder(place.root / "offline-keys")
    keys.chmod(0o700)
    if not repository_folder(place.settings).exists():
        offline = ("--keys", keys, "--passphrase-file", place.passphrase)
        run(place, "trust-init", "fleet", "trust", "init", *offline)
    run(place, "trust-status", "fleet", "trust", "status", "--root-file", place.trust_root)
    return "root and targets by keys that go offline, releases and assignments by keys of their own"


def serve_releases(place: Place, stack: ExitStack) -> str:
    """``herdbook fleet serve``; its address. Leaving ``stack`` stops it."""
    server = stack.enter_context(command(place, "releases", "fleet", "serve", "--port", "0"))
    return server.wait_for(r"http://\S+")


def trust_releases(place: Place, device_id: str, url: str) -> None:
    """Give a device its root of trust, and tell it where releases are."""
    folder = place.device(device_id)
    run(place, f"trust-{device_id}", "edge", "trust", place.trust_root, "--root", folder)
    config = read_device_config(folder / CONFIG_NAME)
    told = {"updates": Updates(url=url), "serve": "triton" if triton_home() else "onnxruntime", "sku": "cpu"}
    write_device_config(folder / CONFIG_NAME, config.model_copy(update=told))


def has_champion(place: Place) -> bool:
    """Whether there is anything to send."""
    return find(place.settings, COMPACT, CHAMPION) is not None


def roll_out(airflow: Airflow, place: Place, detail: Detail) -> str:
    """`redeploy_fleet`, which the promotion started: a signed release, a canary, then the rest."""
    detail("redeploy_fleet")
    judged = next(run for run in airflow.runs("evaluate_promote") if run.state == "success")
    airflow.wait_for_next("redeploy_fleet", judged, "compact.promote", LIMIT_S)
    rows = fleet(place.settings)
    served = "real Triton servers" if triton_home() else "ONNX Runtime (`make triton` would make it Triton)"
    return f"{rows[0].actual} on {', '.join(row.device for row in rows)}, through {served}"
