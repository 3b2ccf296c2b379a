"""When a compact model became champion, or by hand: make it a signed release, and roll it out.

*release* is ``herdbook fleet release``; making the same champion's release again changes nothing. *pools* makes the
pools of devices' animals anew: they go with what the rollout assigns. *rollout* begins it and lets go of its worker: a
trigger asks devices, decides, signs and nudges, a step every ``HERDBOOK_ROLLOUT_STEP_S`` seconds, and where it stands
lies in the ledger. A gate that stops it fails the run, and devices that took the release up go back; pausing, resuming
and aborting is for the page *Fleet* or the command line. *bridge* has the release that most devices ran before and the
new one read the same archived clips, for what the change of model alone does. The parameter ``release`` names one that
is signed already: nothing is made then. ``model`` names another: champions of ``herdbook-sam3`` wait for a person.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, TriggerRule, task

from herdbook_airflow.assets import CHAMPIONS
from herdbook_airflow.command import TOO_LARGE
from herdbook_airflow.nights import START, default_args, few_retries
from herdbook_airflow.operators import HerdbookOperator, option
from herdbook_airflow.queues import LEARNING
from herdbook_airflow.rollouts import RolloutOperator, step_s

with DAG(
    dag_id="redeploy_fleet",
    description="The champion through the fleet, canaries first",
    doc_md=__doc__,
    schedule=[CHAMPIONS["compact"]],
    start_date=START,
    max_active_runs=1,
    default_args=default_args(),
    params={
        "model": Param("herdbook-compact", type="string", description="Whose champion is released."),
        "release": Param(None, type=["null", "string"], description="A signed release, instead of the champion's."),
        "farm": Param([], type="array", items={"type": "string"}, description="Only devices of these farms."),
        "policy": Param(None, type=["null", "string"], description="File of what differs from the shipped policy."),
    },
    tags=["fleet"],
):

    @task.branch(retries=0)
    def asked(params: Any = None) -> str:
        """Whether a release is to be made first."""
        return "pools" if params["release"] else "release"

    release = HerdbookOperator(
        task_id="release",
        arguments=["fleet", "release", "{{ params.model }}"],
        keep=("folder",),
        queue=LEARNING,
        retries=few_retries(),
    )
    pools = HerdbookOperator(
        task_id="pools",
        arguments=["fleet", "pools"],
        keep=("device", "became"),
        tolerate=TOO_LARGE,
        trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
        retries=few_retries(),
    )
    made = "ti.xcom_pull(task_ids='release')['rows'][0]['folder'].split('/')[-1]"  # named by its release id
    rollout = RolloutOperator(
        task_id="rollout",
        release=f"{{{{ params.release or {made} }}}}",
        options=[option("farm"), option("policy")],
        every_s=step_s(),
        retries=few_retries(),
    )
    asked() >> [release, pools]
    bridge = HerdbookOperator(
        task_id="bridge",
        arguments=["learn", "bridge", "--rollout", "{{ ti.xcom_pull(task_ids='rollout')['rollout'] }}"],
        keep=("bridge_id", "from_release_id", "to_release_id", "clips"),
        queue=LEARNING,
        retries=few_retries(),
    )
    release >> pools >> rollout >> bridge
