"""What DAGs wait for and update."""

from __future__ import annotations

from airflow.sdk import Asset

HERD_DAYS = Asset(name="herd days", uri="herdbook://herd/days")
"""Device days have landed and wait for their load."""

FARM_LABELS = Asset(name="farm labels", uri="herdbook://farm/labels")
"""Farm records were imported into the lake."""

HERD_LAKE = Asset(name="herd lake", uri="herdbook://herd/lake")
"""The lake was loaded, checked, and published as ``herd.duckdb``."""

CHALLENGER = Asset(name="challenger", uri="herdbook://models/challenger")
"""A training run registered a new version of a model."""

CHAMPIONS = {
    "compact": Asset(name="champion", uri="herdbook://models/champion"),
    "sam3": Asset(name="champion sam3", uri="herdbook://models/champion/sam3"),
}
"""A version of a model passed its gates and took the champion's place, by engine."""
