"""After a training run: judge each challenger against its champion, and promote it if it passes its gates.

Both are evaluated on the scenes of ``HERDBOOK_EVALUATION_SCENES``; the first challenger is held against *motion*. One
that does not pass is an answer: the champion stays, the run is green, and the verdict's log says why. With
``HERDBOOK_APPROVE_PROMOTION`` (or the parameter) a person is asked in Airflow, and no answer within
``HERDBOOK_APPROVAL_DAYS`` is a no. Updates the asset *champion*, or that of SAM 3.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, Param, TriggerRule, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from herdbook.settings import get_settings
from herdbook_airflow.assets import CHALLENGER, CHAMPIONS
from herdbook_airflow.nights import START, default_args, few_retries
from herdbook_airflow.operators import HerdbookOperator, option
from herdbook_airflow.queues import LEARNING

MODELS = {"compact": "herdbook-compact", "sam3": "herdbook-sam3"}

with DAG(
    dag_id="evaluate_promote",
    description="Challenger against champion; the better one serves",
    doc_md=__doc__,
    schedule=[CHALLENGER],
    start_date=START,
    max_active_runs=1,
    default_args=default_args(LEARNING),
    params={
        "scenes": Param(None, type=["null", "string"], description="Clips with truth, instead of the configured ones."),
        "gates": Param(None, type=["null", "string"], description="File of gates, instead of the shipped ones."),
        "approval": Param(get_settings().approve_promotion, type="boolean", description="Ask a person first."),
    },
    tags=["learning"],
):

    @task(retries=0)
    def verdict(held: Any) -> dict[str, Any]:
        """What the gates said; the rest is skipped where the champion stays."""
        (contest,) = held["rows"]
        print(f"{contest['model']} version {contest['version']}: {contest['said']}")
        if not contest["passed"]:
            raise AirflowSkipException(f"Kept champion {contest['champion'] or 'none'}: {contest['said']}.")
        return dict(contest)

    @task.branch(retries=0)
    def asked(group: str, params: Any = None) -> str:
        """Whether a person is asked."""
        return f"{group}.{'approve' if params['approval'] else 'promote'}"

    def one_model(name: str, model: str) -> None:
        """Contest, verdict, approval and promotion of one model."""
        said = f"ti.xcom_pull(task_ids='{name}.verdict')"
        answer = f"ti.xcom_pull(task_ids='{name}.approve')"

        @task_group(group_id=name)
        def steps() -> None:
            contest = HerdbookOperator(
                task_id="contest",
                arguments=["learn", "contest", model],
                options=[option("scenes"), option("gates")],
                keep=("model", "version", "champion", "passed", "said", "report", "against"),
                retries=few_retries(),
            )
            approve = ApprovalOperator(
                task_id="approve",
                subject=f"Shall {model} version {{{{ {said}['version'] }}}} become champion?",
                body=f"Passed against {{{{ {said}['champion'] or 'motion' }}}}: {{{{ {said}['report'] }}}}",
                defaults=ApprovalOperator.REJECT,
                response_timeout=timedelta(days=get_settings().approval_days),
                retries=0,
            )
            promote = HerdbookOperator(
                task_id="promote",
                arguments=[
                    *("promote", model, "--version", f"{{{{ {said}['version'] }}}}"),
                    *("--report", f"{{{{ {said}['report'] }}}}", "--against", f"{{{{ {said}['against'] }}}}"),
                    *(
                        "--by",
                        f"{{{{ (({answer} or {{}}).get('responded_by_user') or {{}}).get('name', 'airflow') }}}}",
                    ),
                    *("--reason", f"{{{{ {said}['said'] }}}}"),
                ],
                options=[option("gates")],
                keep=("model", "version", "champion", "outcome"),
                outlets=[CHAMPIONS[name]],
                trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
                retries=few_retries(),
            )
            wanted = asked(name)
            verdict(contest.output) >> wanted >> [approve, promote]
            approve >> promote

        steps()

    for name, model in MODELS.items():
        one_model(name, model)
