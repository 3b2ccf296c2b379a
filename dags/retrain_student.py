"""Every week, or by hand: learn from the footage and labels that there are. Updates the asset *challenger*.

The run is a process of its own in a workspace of its own under ``$HERDBOOK_HOME/registry/runs``, with the Python that
``HERDBOOK_LEARNING_PYTHON`` names. Ended in the middle, its next try goes on where it was. The parameters are options
of ``herdbook learn retrain``: the profile of params.yaml, single parameters as ``distil.epochs=3``, golden sets by
site; and, for trials, simulated farms instead of the lake's footage. The champion keeps its place: whether the
challenger takes it is for *evaluate_promote* to say.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task
from airflow.sdk.exceptions import AirflowSkipException

from herdbook_airflow.assets import CHALLENGER
from herdbook_airflow.nights import default_args, few_retries, weekly
from herdbook_airflow.operators import HerdbookOperator, option
from herdbook_airflow.queues import LEARNING

with DAG(
    dag_id="retrain_student",
    description="Train a challenger",
    doc_md=__doc__,
    schedule=weekly(hours_later=6),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(LEARNING),
    params={
        "profile": Param(None, type=["null", "string"], description="Profile of params.yaml; the file's own if none."),
        "set": Param([], type="array", items={"type": "string"}, description="Changes, as distil.epochs=3."),
        "golden": Param(
            [], type="array", items={"type": "string"}, description="Sites whose golden sets label frames."
        ),
        "farm": Param(None, type=["null", "string"], description="Folder of simulated farms, instead of the lake."),
        "truth": Param(None, type=["null", "string"], description="Folder of simulated farms whose truth labels."),
    },
    tags=["learning"],
):
    retrain = HerdbookOperator(
        task_id="retrain",
        arguments=["learn", "retrain", "--run", "weekly-{{ dag_run.run_after.strftime('%Y%m%dt%H%M%S') }}"],
        options=[
            *(option(name) for name in ("profile", "set", "golden", "farm")),
            "{% if params.truth %}--truth\nsimulator\n{{ params.truth }}{% endif %}",
        ],
        keep=("run", "mlflow_run", "revision", "dirty", "registered"),
        retries=few_retries(),
    )

    @task(outlets=[CHALLENGER], retries=0)
    def challenger(retrained: Any, outlet_events: Any = None) -> None:
        """Say that there is a challenger, if a model came out of the run."""
        (run,) = retrained["rows"]
        if not run["registered"]:
            raise AirflowSkipException(f"No model came out of run {run['run']}.")
        outlet_events[CHALLENGER].extra = {"run": run["run"], "versions": run["registered"]}

    challenger(retrain.output)
