"""Every farm judged by a student that never saw it: real datasets and evaluations around stages that take no time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from herdbook.errors import ConfigurationError, EmptyDatasetError
from herdbook.learning.datasets.plan import Split
from herdbook.learning.datasets.reading import Dataset
from herdbook.learning.datasets.sources import SourceList, gather
from herdbook.learning.evaluation.figures import FIGURES
from herdbook.learning.params import load_params
from herdbook.learning.registry.tracking import run_of_workspace
from herdbook.learning.retrain.leave_out import LeftOut, leave_out, markdown, over_farms
from herdbook.learning.retrain.run import Listener
from herdbook.learning.workspace import open_workspace
from herdbook.settings import Settings

pytest.importorskip("dvc")
pytest.importorskip("mlflow")
pytest.importorskip("cv2", reason="reading clips needs the extra 'edge'")


class Interrupted(Listener):
    """Tells which stages began; stops at one of them."""

    def __init__(self, at: int = 10**6) -> None:
        self.begun: list[str] = []
        self.at = at

    def begins(self, stage: str, number: int, count: int) -> None:
        self.begun.append(stage)
        if len(self.begun) == self.at:
            raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_each_farm_is_judged_by_a_run_that_did_not_see_it_and_an_interrupted_one_goes_on(
    make_registry: Callable[[], Settings], small: Path, small_farms: Path
) -> None:
    settings, params = make_registry(), load_params()

    def work(listener: Listener) -> tuple:
        return leave_out(
            settings,
            "loo",
            params,
            values={},
            sources=lambda: gather(settings, farm=small_farms, simulator_truth=small_farms),
            farms=["north", "east"],
            listener=listener,
        )

    with pytest.raises(KeyboardInterrupt):
        work(Interrupted(at=6))
    second = Interrupted()
    table, folder = work(second)
    assert len(second.begun) == 4, "the farm that was done is not done again"
    assert [one.farm for one in table.farms] == ["east", "north"]
    assert all(one.sequences == 8 for one in table.farms)
    for one in table.farms:
        assert one.student["mota"] == one.baseline["mota"], "the small student is motion by another name"
    assert table.figures["mota"].difference.value == 0
    assert "| **over farms** | difference |" in (folder / "leave-out.md").read_text()
    assert json.loads((folder / "leave-out.json").read_text())["baseline"] == "motion"
    data = Dataset(open_workspace(settings, "loo-north").folder / "data" / "dataset")
    rows = data.table("clips").to_pylist()
    assert {row["site"] for row in rows if row["split"] == Split.TEST.value} == {"north"}
    assert {frame.said["site"] for frame in data.frames()} == {"south", "east"}, "no frame of it is learned from"
    parent, child = run_of_workspace(settings, "loo"), run_of_workspace(settings, "loo-east")
    assert parent is not None
    assert child is not None
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert parent.data.metrics["north/mota"] == table.farms[1].student["mota"]


def test_what_cannot_be_left_out_is_said(make_registry: Callable[[], Settings], small: Path, small_farms: Path) -> None:
    settings, params = make_registry(), load_params()

    def work(sources: SourceList, *farms: str) -> None:
        leave_out(
            settings, f"loo{len(sources.clips)}{len(farms)}", params, values={}, sources=lambda: sources, farms=farms
        )

    every = gather(settings, farm=small_farms, simulator_truth=small_farms)
    with pytest.raises(ConfigurationError, match="'west' has no labelled clips"):
        work(every, "west")
    with pytest.raises(ConfigurationError, match="north is the only farm"):
        work(gather(settings, farm=small_farms, sites=["north"], simulator_truth=small_farms))
    with pytest.raises(EmptyDatasetError, match="no clip has labels"):
        work(every.model_copy(update={"simulator_truth": None}))


def test_intervals_are_over_farms_and_the_difference_is_paired_by_farm() -> None:
    mine, theirs = [0.91, 0.8, 0.95, 0.86], [0.82, 0.75, 0.83, 0.8]
    nothing = dict.fromkeys(FIGURES)
    table = over_farms(
        [
            LeftOut(farm=f"f{k}", sequences=3, student=nothing | {"mota": a}, baseline=nothing | {"mota": b})
            for k, (a, b) in enumerate(zip(mine, theirs, strict=True))
        ]
    )
    found = table.figures["mota"].difference
    expected = stats.ttest_rel(mine, theirs).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    over = table.figures["mota"].student
    assert over.value == pytest.approx(np.mean(mine))
    assert over.high is not None
    assert over.high <= 1
    assert table.figures["idf1_long"].student.value is None, "no farm has it"
    assert "| **f0** | student | 3 | 0.910 |" in markdown(table, ["mota"])
