"""Every night: import farm records from ``$HERDBOOK_HOME/inbox/labels/<source>/``, readings of collar and tag systems
from ``inbox/series/<source>/``, and follow the servers that ``$HERDBOOK_HOME/sync/<name>.yaml`` describe. Updates the
asset *farm labels*.

Each source has a folder with its files (CSV, Excel, or ICAR's JSON) and their mappings. An imported file moves to
``done/``, unless it was written anew meanwhile; one that cannot be imported stays, leaves an alert, and does not hold
up the others. Rows set aside leave an alert too. A server that fails is asked again by the task's retries and by the
next night, from where it stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import DAG, TriggerRule, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from herdbook_airflow import inbox
from herdbook_airflow.assets import FARM_LABELS
from herdbook_airflow.command import SET_ASIDE
from herdbook_airflow.nights import START, default_args, nightly
from herdbook_airflow.operators import HerdbookOperator

with DAG(
    dag_id="import_labels",
    description="Import farm records from the drop folders and from servers",
    doc_md=__doc__,
    schedule=nightly(),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    tags=["labels"],
):

    @task
    def waiting() -> list[dict[str, str]]:
        """Files in the drop folders."""
        from herdbook.settings import get_settings

        return inbox.waiting_files(get_settings().inbox)

    @task
    def servers() -> list[dict[str, str]]:
        """Servers that farm records are followed from."""
        from herdbook.settings import get_settings

        return [{"name": path.stem} for path in sorted(get_settings().sync.glob("*.yaml"))]

    @task(map_index_template="{{ name }}")
    def file_away(imported: Any) -> dict[str, str]:
        """Move an imported file to ``done/``, if it is still the one that was imported."""
        get_current_context()["name"] = f"{imported['source']}/{imported['file']}"  # type: ignore[typeddict-unknown-key]
        lies = inbox.file_away(Path(imported["path"]), imported["sha256"])
        return {"source": imported["source"], "path": str(lies)}

    @task_group
    def one_file(subject: dict[str, str]) -> Any:
        """Import a file, then file it away."""
        imported = HerdbookOperator(
            task_id="import_file",
            subject=subject,
            arguments=[
                *("labels", "{{ task.subject.command }}", "--format", "{{ task.subject.format }}"),
                *("--mapping", "{{ task.subject.mapping }}", "{{ task.subject.path }}"),
            ],
            keep=("import_id",),
            tolerate=SET_ASIDE,
            map_index_template="{{ task.subject.source }}/{{ task.subject.file }}",
        )
        return file_away(imported.output)

    @task(trigger_rule=TriggerRule.ALL_DONE, outlets=[FARM_LABELS], retries=0)
    def farm_labels(waited: Any, imported: Any, synced: Any, outlet_events: Any = None) -> None:
        """Say that there are new labels; fail only if no file and no server could be read at all."""
        if not any(waited):
            raise AirflowSkipException("The drop folders are empty, and no server is followed.")
        files = [file["path"] for file in imported or ()]
        names = [server["name"] for server in synced or ()]
        if not files and not names:
            raise AirflowFailException(
                "Nothing could be imported: files stay in the drop folders, servers keep theirs."
            )
        outlet_events[FARM_LABELS].extra = {"files": files, "servers": names}

    files, followed = waiting(), servers()
    sync = HerdbookOperator.partial(
        task_id="sync_server",
        arguments=["labels", "sync", "{{ task.subject.name }}"],
        keep=("pages", "messages"),
        tolerate=SET_ASIDE,
        map_index_template="{{ task.subject.name }}",
    ).expand(subject=followed)
    farm_labels([files, followed], one_file.expand(subject=files), sync.output)
