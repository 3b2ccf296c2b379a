"""``docker-compose.yml`` is what Compose takes, and what stands in it fits together.

Its schema is the one that Debian's package docker-compose carries (of the specification of 2021, which this file keeps
to). Containers do not run here; `tests/dags/test_cluster_end_to_end.py` runs the commands without them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from herdbook.cli import app
from herdbook.edge.triton.environment import HOME_VARIABLE
from herdbook.settings import Settings
from support.cluster import compose

ROOT = Path(__file__).parents[2]
SCHEMA = Path("/usr/lib/python3/dist-packages/compose/config/compose_spec.json")
FILE = compose()
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
ENDS = {"init", "volumes"}
"""Do their work and end."""
every_service = pytest.mark.parametrize("name", sorted(SERVICES))


def private_parts(dockerfile: str) -> set[str]:
    return set(re.findall(r"^FROM \S+ AS (\S+)$", dockerfile, re.MULTILINE))


@pytest.mark.skipif(not SCHEMA.exists(), reason="needs Debian's package docker-compose, for its schema")
def test_it_is_valid_by_the_specification() -> None:
    import jsonschema

    jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text())).validate(FILE)


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="needs Debian's package docker-compose")
def test_compose_itself_reads_it(tmp_path: Path) -> None:
    copy = Path(shutil.copy(ROOT / "docker-compose.yml", tmp_path))
    subprocess.run([ROOT / "docker" / "make-secrets.sh", tmp_path / "secrets"], check=True)
    done = subprocess.run(
        ["docker-compose", "-f", copy, "config", "--quiet"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@every_service
def test_every_service_is_watched_bounded_and_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["user"] not in ("root", "0", "0:0")
    limits = service["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory"}
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"]["max-size"], "a log does not fill the disk"
    if name in ENDS:
        assert service["restart"] == "no"
    else:
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
        assert service["restart"] == "unless-stopped"


@every_service
def test_images_are_pinned_and_ours_are_stages_of_the_dockerfile(name: str) -> None:
    service = SERVICES[name]
    image, _, tag = service["image"].partition(":")
    assert tag
    assert tag != "latest"
    if image.startswith("herdbook/"):
        stage = image.removeprefix("herdbook/")
        assert stage in private_parts((ROOT / "Dockerfile").read_text())
        assert service.get("build", {"target": stage})["target"] == stage


@every_service
def test_every_setting_is_one(name: str) -> None:
    known = {f"HERDBOOK_{field.upper()}" for field in Settings.model_fields} | {HOME_VARIABLE}
    told = SERVICES[name].get("environment", {})
    assert {variable for variable in told if variable.startswith("HERDBOOK_")} <= known
    Settings(
        **{
            k.removeprefix("HERDBOOK_").lower(): re.sub(r"\$\{\w+:-(.*?)\}", r"\1", v)
            for k, v in told.items()
            if k in known - {HOME_VARIABLE}
        }
    )


def test_secrets_are_files_that_are_made_and_nothing_secret_stands_in_the_file(tmp_path: Path) -> None:
    subprocess.run([ROOT / "docker" / "make-secrets.sh", tmp_path / "secrets"], check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert {name: secret["file"] for name, secret in FILE["secrets"].items()} == {n: f"./secrets/{n}" for n in made}
    mounted = {secret for service in SERVICES.values() for secret in service.get("secrets", ())}
    assert mounted == set(made)
    subprocess.run([ROOT / "docker" / "make-secrets.sh", tmp_path / "secrets"], check=True)
    assert made == {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}, "what is there stays"
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            named = re.search(r"PASSWORD|SECRET|TOKEN|KEY", variable)
            assert not named or re.search(r"/run/(secrets|herdbook)/", value), (name, variable)
            assert not re.search(r"://[^/@]*:[^/@]+@", value), (name, variable)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root, to be another user")
def test_secrets_become_files_that_the_containers_user_may_read_and_write(tmp_path: Path) -> None:
    """Airflow opens the file of its passwords for writing."""
    mounted, private = tmp_path / "mounted", tmp_path / "private"
    subprocess.run([ROOT / "docker" / "make-secrets.sh", mounted], check=True)
    private.mkdir(mode=0o700)
    os.chown(private, 10001, 10001)
    for folder in (*tmp_path.parents[:3], tmp_path, mounted):
        folder.chmod(folder.stat().st_mode | 0o555)
    become = ["setpriv", "--reuid", "10001", "--regid", "10001", "--clear-groups"]
    check = (
        'for each in "$PRIVATE"/*; do test -r "$each" -a -w "$each" || exit 1; done; stat -c %a "$PRIVATE"/* | sort -u'
    )
    done = subprocess.run(
        [*become, "sh", "-s", "--", "sh", "-c", check],
        input=(ROOT / "docker" / "entrypoint.sh").read_text(),
        env={"PATH": os.defpath, "SECRETS": str(mounted), "PRIVATE": str(private)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "600\n"
    assert len(list(private.iterdir())) == len(FILE["secrets"])


@every_service
def test_a_service_has_each_secret_that_it_reads(name: str) -> None:
    service = SERVICES[name]
    text = yaml.safe_dump([service.get("environment"), service.get("command"), service.get("healthcheck")])
    script = next((part for part in service.get("command", ()) if part.startswith("/opt/herdbook/docker/")), None)
    if script:
        text += (ROOT / script.removeprefix("/opt/herdbook/")).read_text()
    read = set(re.findall(r"/run/(?:secrets|herdbook)/([\w.-]+)", text))
    assert read <= set(service.get("secrets", ()))


@every_service
def test_every_command_of_ours_exists(name: str) -> None:
    words = [str(word) for word in SERVICES[name].get("command", ())]
    if words[:2] == ["sh", "-c"]:
        parts = [part.split() for part in words[2].split("&&")]
    elif words and words[0].startswith("/opt/herdbook/docker/"):
        script = (ROOT / words[0].removeprefix("/opt/herdbook/")).read_text()
        parts = [line.replace("exec ", "").split() for line in script.splitlines() if re.search(r"\bherdbook \w", line)]
        assert parts
    else:
        parts = [words]
    for part in parts:
        if part and part[0] == "herdbook":
            command: Any = typer.main.get_command(app)
            rest = part[1:]
            while rest and rest[0] in getattr(command, "commands", {}):
                command = command.commands[rest.pop(0)]
            options = {option for parameter in command.params for option in parameter.opts}
            assert not hasattr(command, "commands") or rest == ["--help"], part
            options |= {"--help"}
            assert {word for word in rest if word.startswith("--")} <= options, part


def test_backups_outlive_the_volumes_that_they_are_of_and_whoever_restores_has_what_it_takes() -> None:
    """`docker compose run --no-deps worker-io herdbook restore`, before anything of ours runs: docs/operator.md."""
    worker = SERVICES["worker-io"]
    place = worker["environment"]["HERDBOOK_BACKUP_FOLDER"]
    mounted = dict(reversed(volume.rsplit(":", 1)) for volume in worker["volumes"])
    assert mounted[place] == "${HERDBOOK_BACKUPS:-backups}"
    assert "backups" in FILE["volumes"]
    made, owned = re.search(r"mkdir -p (.*?) \\\n.*chown -R \S+ (.*)", (ROOT / "Dockerfile").read_text()).groups()
    assert place in made.split(), "an empty volume takes its owner from the image"
    assert place in owned.split()
    assert {"pgpass", "s3-credentials"} <= set(worker["secrets"])
    stores = {"postgres", "redis", "s3"}
    waits = {name for store in stores for name in SERVICES[store].get("depends_on", ())}
    assert waits == {"volumes"}, "they start without init, which would make a lake"
    assert SERVICES["mlflow"]["depends_on"]["init"], "its database is empty until then"


def test_what_a_service_waits_for_is_there_and_can_be_waited_for() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            done = how["condition"] == "service_completed_successfully"
            assert done == (other in ENDS), name
            assert done or "healthcheck" in SERVICES[other], name


def test_every_queue_of_the_dags_has_a_worker_and_the_stores_cannot_be_reached_from_outside() -> None:
    from herdbook.doctor.cluster import QUEUES

    commands = [service["command"] for name, service in SERVICES.items() if name.startswith("worker-")]
    assert {command[command.index("--queues") + 1] for command in commands} == set(QUEUES)
    assert FILE["networks"]["inside"]["internal"]
    for name in ("postgres", "redis", "s3", "mlflow"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]
    assert {name for name, each in SERVICES.items() if "airflow-passwords.json" in each.get("secrets", ())} == {
        "api-server"
    }
    assert "pgpass" not in SERVICES["scheduler"]["secrets"], "it opens no database of ours"
    assert SERVICES["api-server"]["ports"] == ["127.0.0.1:8080:8080"], "people come through a proxy with TLS"


def test_what_is_not_built_from_is_not_sent_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    kept = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert not kept & {"secrets", ".herdbook", ".git", ".venv", "tests"}
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for path in " ".join(copied).split():
        assert path.split("/")[0] in kept, path
        assert (ROOT / path).exists(), path
