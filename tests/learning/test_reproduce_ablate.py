"""Runs made again and arms side by side, with the real Git, DVC and MLflow, around stages that take no time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from registry_cases import report_of
from scipy import stats
from small_pipeline import retrain_small

from herdbook.errors import ConfigurationError, InputError, NotFoundError
from herdbook.learning.datasets.sources import SourceList
from herdbook.learning.params import AblationParams, Arm, Params, load_params
from herdbook.learning.registry.origin import take_origin
from herdbook.learning.registry.store import open_store
from herdbook.learning.registry.tracking import run_of_workspace
from herdbook.learning.retrain.ablate import ablate
from herdbook.learning.retrain.ablation_table import _both, compare_arms, markdown
from herdbook.learning.retrain.old_code import code_of, origin_with
from herdbook.learning.retrain.overrides import override
from herdbook.learning.retrain.reproduce import reproduce
from herdbook.learning.workspace import open_workspace
from herdbook.settings import Settings

pytest.importorskip("dvc")
pytest.importorskip("mlflow")


@pytest.mark.slow
def test_a_run_made_again_is_the_same_to_the_byte_or_what_differs_is_named(
    make_registry: Callable[[], Settings],
    small: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    settings = make_registry()
    first = retrain_small(settings.home, "run-1", small)
    capfd.readouterr()
    found = reproduce(settings, "run-1")
    assert found.same
    ran = re.findall(r"Running stage '(\w+)'", capfd.readouterr().err)
    assert ran == ["distil", "export", "evaluate"], "each once"
    assert (found.run, found.code, found.kept) == ("run-1-again", "same", ("dataset",)), "there is no lake"
    assert all(output.same or output.path == "data/distil.json" for output in found.outputs), "that has a clock in it"
    how = open_store(settings).get_run(found.comparison.other).data.tags
    told = {stage: how[f"herdbook.stage.{stage}"].split()[0] for stage in ("dataset", "distil", "evaluate")}
    assert told == {"dataset": "unchanged", "distil": "ran", "evaluate": "ran"}
    assert reproduce(settings, first.mlflow_run_id) == found, "asked again it is only told"
    assert reproduce(settings, "herdbook-compact@challenger", "third").same

    monkeypatch.setenv("SMALL_NOISE", "0.25")
    other = reproduce(settings, "run-1", "noisy")
    assert not other.same
    (loss,) = (d for d in other.comparison.figures if d.what == "distil/loss")
    assert loss.other == pytest.approx(float(loss.one or 0) + 0.25)
    assert "data/student" in {output.path for output in other.outputs if not output.same}
    with pytest.raises(NotFoundError):
        reproduce(settings, "no-such-run")
    with pytest.raises(InputError, match="its own workspace"):
        reproduce(settings, "run-1", "run-1")


def test_the_code_of_a_commit_is_checked_out_beside(tmp_path: Path) -> None:
    """Of a repository of its own: this one's first commit may not have the origin's command."""
    from registry_cases import clean_checkout

    settings = Settings(home=tmp_path / "home")
    repository = clean_checkout(tmp_path / "repository")
    old = take_origin(repository).model_copy(update={"code_sha256": "0" * 64})
    code = code_of(settings, old, repository)
    assert code is not None
    assert (code / "src" / "train.py").is_file()
    assert code_of(settings, old.model_copy(update={"git_revision": "0" * 40}), repository) is None, "it is not known"
    same = take_origin()
    assert code_of(settings, same.model_copy(update={"git_revision": "0" * 40}), repository) is None, "nothing differs"
    assert origin_with(None).code_sha256 == same.code_sha256


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_arms_are_runs_of_their_own_and_the_table_has_the_difference(
    make_registry: Callable[[], Settings], small: Path
) -> None:
    settings = make_registry()
    arms = (Arm(name="full"), Arm(name="poor", set={"targets.batch": 5}))
    params = with_arms(AblationParams(arms=arms, vary=("dataset.seed",)))
    table, folder = ablate(settings, "ab", params, values={}, sources=SourceList)
    mota = table.arms["poor"]["mota"]
    assert mota.difference is not None
    assert mota.difference.value == pytest.approx(-0.1, abs=0.02), "five in a hundred fewer, and as many false alarms"
    assert table.arms["full"]["mota"].difference is None
    parent = run_of_workspace(settings, "ab")
    child = run_of_workspace(settings, "ab-poor-s2")
    assert parent is not None
    assert child is not None
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert json.loads((folder / "ablation.json").read_text())["seeds"] == [0, 1, 2]
    assert "| less full |" in (folder / "ablation.md").read_text()
    assert open_workspace(settings, "ab-full-s1").folder.is_dir()
    again, _ = ablate(settings, "ab", params, values={}, sources=_never)
    assert again == table


def test_an_ablation_needs_arms_and_three_seeds(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with pytest.raises(ConfigurationError, match="no section 'ablation'"):
        ablate(settings, "ab", with_arms(None), values={}, sources=SourceList)
    params = with_arms(AblationParams(arms=(Arm(name="a"), Arm(name="b"))))
    with pytest.raises(ConfigurationError, match="there is no arm 'c'"):
        ablate(settings, "ab", params, values={}, arms=["c"], sources=SourceList)
    with pytest.raises(ConfigurationError, match="three seeds"):
        ablate(settings, "ab", params, values={}, seeds=[1, 2], sources=SourceList)


def test_the_shipped_arms_change_what_there_is() -> None:
    for profile in ("pocket", "orin"):
        params = load_params(profile=profile)
        assert params.ablation is not None
        for arm in params.ablation.arms:
            override(params, {**arm.set, **dict.fromkeys(params.ablation.vary, 7)})


def test_an_arm_that_is_the_reference_differs_by_nothing_and_one_that_is_worse_by_what_it_is_worse() -> None:
    reports = {
        "a": [report_of("a", 0.9, seed=k) for k in (1, 2, 3)],
        "same": [report_of("a", 0.9, seed=k) for k in (1, 2, 3)],
        "worse": [report_of("a", 0.8, seed=k) for k in (1, 2, 3)],
    }
    table = compare_arms(reports, (1, 2, 3), "a")
    same, worse = (table.arms[arm]["mota"].difference for arm in ("same", "worse"))
    assert same is not None
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert worse is not None
    assert worse.high is not None
    assert worse.high < 0
    assert "| less a |" in markdown(table, ["mota"])
    reports["worse"][0] = report_of("a", 0.8, sequences=list(reports["a"][0].sequences[:12]))
    with pytest.raises(InputError, match="same sequences"):
        compare_arms(reports, (1, 2, 3), "a")


def test_an_engine_that_was_not_trained_stands_beside_without_an_interval_over_seeds() -> None:
    skills = (0.9, 0.88, 0.93)
    reports = {"a": [report_of("a", skill, seed=1) for skill in skills]}
    reports["b"] = reports["a"]
    table = compare_arms(reports, (1, 2, 3), "a", {"(motion)": report_of("motion", 0.7, seed=1)})
    motion = table.arms["(motion)"]["mota"]
    assert motion.mean.low is None
    assert motion.difference is not None
    assert motion.difference.value == pytest.approx(motion.mean.value - table.arms["a"]["mota"].mean.value)
    assert motion.difference.high is not None
    assert motion.difference.high < 0
    assert "| **(motion)** |" in markdown(table, ["mota", "idf1_long"])
    assert "idf1_long" not in markdown(table, ["mota", "idf1_long"]), "nothing to show"
    other = report_of("motion", 0.7, sequences=list(reports["a"][0].sequences[:12]))
    with pytest.raises(InputError, match="same sequences"):
        compare_arms(reports, (1, 2, 3), "a", {"(motion)": other})


def test_without_chance_of_sequences_the_interval_is_that_of_a_paired_t_test() -> None:
    one, other = np.array([0.91, 0.88, 0.93, 0.9]), np.array([0.85, 0.86, 0.84, 0.88])
    found = _both(one - other, np.zeros((4, 500)), 5)
    expected = stats.ttest_rel(one, other).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    wider = _both(one - other, np.random.default_rng(0).normal(0, 0.05, (4, 500)), 5)
    assert wider.low is not None
    assert found.low is not None
    assert wider.low < found.low


def with_arms(said: AblationParams | None) -> Params:
    return load_params(profile="pocket").model_copy(update={"ablation": said})


def _never() -> Any:
    raise AssertionError("sources are gathered once")
