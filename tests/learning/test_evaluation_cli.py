"""`herdbook learn evaluate` and `herdbook evaluate compare` as a person meets them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from herdbook.errors import ConfigurationError, NotFoundError
from herdbook.learning.evaluation.engine_file import read_costs, read_engine
from herdbook.learning.evaluation.predictions import Engine
from herdbook.settings import Settings
from herdbook.simulate.plan import FarmPlan
from herdbook.simulate.run import simulate_farm
from support.command_line import in_process

pytest.importorskip("cv2", reason="drawing needs the extra 'edge'")

COARSE = """
release: {release_id: motion-coarse, engine: motion, space_id: motion-appearance-1, dimensions: 96, ethogram_id: pig-9}
motion: {work_pixels: 8192}
"""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cli") / "farm"
    simulate_farm(
        FarmPlan(days=1, pens=1, animals_per_pen=3, clips_per_day=3, clip_seconds=6, width=240, height=180), out
    )
    return out


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    settings = Settings(home=tmp_path / "home")
    monkeypatch.setattr("herdbook.settings.get_settings", lambda: settings)

    return in_process(monkeypatch, capsys)


def test_an_engine_is_judged_and_set_beside_another(
    command: Callable[..., tuple[int, str, str]], farm: Path, tmp_path: Path
) -> None:
    code, out, err = command("learn", "evaluate", farm, tmp_path / "motion")
    assert code == 0, err
    assert "mota" in out
    assert (tmp_path / "motion" / "evaluation.json").is_file()
    assert "| mota |" in (tmp_path / "motion" / "evaluation.md").read_text()
    engine = tmp_path / "coarse.yaml"
    engine.write_text(COARSE)
    costs = tmp_path / "costs.yaml"
    costs.write_text("parameters: 12\nfootprints: [{sku: cpu, size_bytes: 9}]\n")
    code, out, err = command(
        *("learn", "evaluate", farm, tmp_path / "coarse", "--engine", engine, "--costs", costs),
        *("--against", tmp_path / "motion" / "evaluation.json", "--json"),
    )
    assert code == 0, err
    said = json.loads(out)
    assert said["engine"]["release"]["release_id"] == "motion-coarse"
    assert said["engine"]["footprints"][0]["size_bytes"] == 9
    assert "judgements" not in said
    reports = [tmp_path / name / "evaluation.json" for name in ("coarse", "motion")]
    code, out, _ = command("evaluate", "compare", *reports, "--json")
    assert code == 0
    assert json.loads(out)["overall"] == said["comparison"]["overall"]
    assert command("evaluate", "compare", *reports)[0] == 0
    code, out, _ = command("evaluate", "table", *reports)
    assert code == 0
    assert "motion-coarse" in out
    assert "coarse less" in out, "the difference stands below"
    code, out, _ = command("evaluate", "table", *reports, "--json")
    assert [one["engine"]["parameters"] for one in json.loads(out)] == [12, None]


def test_what_is_wrong_is_said_with_its_code(command: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    code, _, err = command("learn", "evaluate", tmp_path, tmp_path / "out")
    assert (code, "no clip with truth" in err) == (12, True)
    code, _, err = command("evaluate", "compare", tmp_path / "a.json", tmp_path / "b.json")
    assert (code, "no evaluation at" in err.replace("\n", " ")) == (12, True)


def test_an_engine_file_says_all_that_makes_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "engine.yaml"
    path.write_text(COARSE + "models: [a.onnx]\n")
    with pytest.raises(NotFoundError, match=r"a\.onnx"):
        read_engine(path)
    (tmp_path / "a.onnx").write_bytes(b"one")
    one = read_engine(path)
    assert one.settings["motion"].work_pixels == 8192
    digests = [Engine().digest, one.digest]
    (tmp_path / "a.onnx").write_bytes(b"two")
    assert len({*digests, read_engine(path).digest}) == 3


@pytest.mark.parametrize(
    ("line", "said"),
    [("cameras: []", "'cameras' is no setting"), ("motion: {colour: 1}", "colour"), ("release: {}", "release_id")],
)
def test_a_wrong_engine_file_is_said(tmp_path: Path, line: str, said: str) -> None:
    import yaml

    path = tmp_path / "engine.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(COARSE) | yaml.safe_load(line)))
    with pytest.raises(ConfigurationError, match=said):
        read_engine(path)


def test_wrong_costs_are_said(tmp_path: Path) -> None:
    (tmp_path / "costs.yaml").write_text("parameters: -1\n")
    with pytest.raises(ConfigurationError, match="parameters"):
        read_costs(tmp_path / "costs.yaml")


def test_a_learned_engine_is_the_same_wherever_its_folder_lies(random_release: Path, tmp_path: Path) -> None:
    elsewhere = Path(shutil.copytree(random_release, tmp_path / "elsewhere"))
    here, there = (read_engine(folder / "engine.yaml") for folder in (random_release, elsewhere))
    assert here.digest == there.digest
    assert (here.network, there.network) == (random_release, elsewhere)
    assert read_costs(elsewhere / "engine.yaml")[0] == 1000
    (elsewhere / "student.onnx").write_bytes(b"another")
    assert read_engine(elsewhere / "engine.yaml").digest != here.digest


def test_a_learned_engines_file_names_all_that_it_loads(random_release: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(random_release, tmp_path / "release"))
    path = folder / "engine.yaml"
    path.write_text(path.read_text().replace("- student.onnx\n", ""))
    with pytest.raises(ConfigurationError, match=r"student\.onnx"):
        read_engine(path)
    path.write_text(path.read_text() + "network: elsewhere\n")
    with pytest.raises(ConfigurationError, match="'network' is no setting"):
        read_engine(path)
