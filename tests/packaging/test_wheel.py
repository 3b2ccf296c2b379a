"""The wheel works where there is no checkout, installed as documented: alone, and with each extra on its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"
HEAVY = {"apache-airflow", "mlflow", "dvc", "torch"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=os.environ | env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one takes along: the wheel and the lock file."""
    out = tmp_path_factory.mktemp("dist")
    run(UV, "build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", out, cwd=ROOT)
    shutil.copy(ROOT / "requirements.lock", out)
    return out


def documented(page: str) -> str:
    """The page's line that installs Herdbook."""
    (line,) = re.findall(r"^\$ (.*pip install.*whl.*?)(?: +#.*)?$", (ROOT / page).read_text(), re.MULTILINE)
    return line


@pytest.mark.parametrize(
    ("extra", "imports", "without"),
    [
        ("", "import herdbook, herdnet", HEAVY | {"fastapi", "opencv-python-headless"}),
        ("edge", "import herdbook.edge.agent, herdbook.edge.perception.motion", HEAVY),
        ("learning", "import torch, timm, transformers, mlflow, motmetrics, herdbook.learning", {"apache-airflow"}),
        ("airflow", "import airflow", HEAVY - {"apache-airflow"}),
    ],
    ids=["plain", "edge", "learning", "airflow"],
)
def test_an_empty_environment_elsewhere_initialises_and_passes_the_doctor(
    dist: Path, extra: str, imports: str, without: set[str], tmp_path: Path
) -> None:
    run(UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    line = documented("docs/fleet-manager.md" if extra == "edge" else "README.md")
    line = line.replace("[airflow]", f"[{extra}]" if extra else "")
    path = f"{python.parent}{os.pathsep}{UV.parent}{os.pathsep}{os.environ['PATH']}"
    run("bash", "-ec", line, cwd=dist, PATH=path, VIRTUAL_ENV=str(tmp_path / "venv"))
    installed = json.loads(run(UV, "pip", "list", "--format=json", "--python", python, cwd=tmp_path))
    assert not {package["name"] for package in installed} & without
    run(python, "-c", imports, cwd=tmp_path)
    herdbook = tmp_path / "venv" / "bin" / "herdbook"
    home = {"HERDBOOK_HOME": str(tmp_path / "home")}
    run(herdbook, "init", cwd=tmp_path, **home)
    report = json.loads(run(herdbook, "doctor", "--json", cwd=tmp_path, **home))
    verdicts = {line["name"]: line["verdict"] for line in report}
    assert "fail" not in verdicts.values()
    for name in ("edge", "learning", "airflow"):
        assert verdicts[f"extra {name}"] == ("ok" if name == extra else "absent")


def test_the_pages_say_the_same() -> None:
    assert documented("README.md") == documented("docs/operator.md")
    assert documented("docs/fleet-manager.md") == documented("README.md").replace("[airflow]", "[edge]")
