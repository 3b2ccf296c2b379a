"""The platform's findings as ICAR messages: alerts about an animal, for the farm's other systems to show.

ICAR ADE 1.3 has no event named attention: an alert that an animal needs a look is a HealthStatusObservedEvent with the
status Suspicious, one that it is in heat a ReproHeatEvent with the certainty Suspect. It is never a diagnosis. An alert
that the device withdrew is sent with ``isDeleted``; alerts about a pen or an animal without a name have no message.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from herdbook.labels.icar.document import Message
from herdbook.labels.icar.export import collection
from herdbook.labels.mapping import OWN_SCHEME
from herdbook.lake.attach import open_lake
from herdbook.settings import Settings

SOURCE = "herdbook"
_HEAT = "heat"

_ALERTS = """
SELECT a.*, n.identifier
FROM alert AS a
LEFT JOIN animal_identifier AS n
    ON n.animal_id = a.animal_id AND n.farm_id = a.farm_id AND n.scheme = $scheme
    AND n.valid_from <= a.raised_at AND (n.valid_to IS NULL OR a.raised_at < n.valid_to)
WHERE ($farm IS NULL OR a.farm_id = $farm) AND a.raised_at >= $since::TIMESTAMPTZ
QUALIFY row_number() OVER (PARTITION BY a.alert_id ORDER BY n.valid_from DESC, n.identifier) = 1
ORDER BY a.raised_at, a.alert_id
"""


@dataclass(frozen=True)
class Attention:
    """What was exported, and what has no message in ICAR ADE."""

    text: str
    exported: int
    left_out: dict[str, int]
    """By reason."""


def export_attention(
    settings: Settings,
    *,
    farm: str | None = None,
    since: datetime | None = None,
    scheme: str | None = None,
    icar_scheme: str | None = None,
) -> Attention:
    """Alerts as a collection of ICAR messages, in the order in which they were raised.

    Args:
        settings: where the lake is.
        farm: only this farm.
        since: only alerts raised from then on.
        scheme: the roster's scheme of the animals' names; our own animal ids when none.
        icar_scheme: what ICAR calls that scheme; the same when none.

    Raises:
        NotInitialisedError: there is no lake yet.
    """
    given = {"scheme": scheme or OWN_SCHEME, "farm": farm, "since": since or datetime(1970, 1, 1, tzinfo=UTC)}
    with open_lake(settings, read_only=True) as lake:
        alerts = _rows(lake, given)
    messages: list[Message] = []
    left_out: dict[str, int] = defaultdict(int)
    for alert in alerts:
        name = alert["animal_id"] if scheme is None else alert["identifier"]
        if alert["about"] != "animal":
            left_out[f"about a {alert['about']}: ICAR ADE 1.3 has no message for it"] += 1
        elif name is None:
            left_out[f"the animal bore no {scheme} then"] += 1
        else:
            messages.append(message(alert, {"scheme": icar_scheme or scheme or OWN_SCHEME, "id": name}))
    return Attention(collection(messages), len(messages), dict(left_out))


def message(alert: dict[str, Any], animal: dict[str, str]) -> Message:
    """One alert as a message.

    Args:
        alert: a row of ``alert``.
        animal: its animal as ICAR names it.
    """
    heat = alert["kind"] == _HEAT
    states = {"heatDetectionMethod": "Other", "certainty": "Suspect"} if heat else {"observedStatus": "Suspicious"}
    return {
        "resourceType": "ReproHeatEvent" if heat else "HealthStatusObservedEvent",
        "id": alert["alert_id"],
        "meta": {
            "source": SOURCE,
            "sourceId": alert["alert_id"],
            "isDeleted": alert["outcome"] == "withdrawn",
            "modified": _utc(alert["received_at"]),
            "created": _utc(alert["raised_at"]),
        },
        "location": {"scheme": f"{SOURCE}.farm", "id": alert["farm_id"]},
        "eventDateTime": _utc(alert["raised_at"]),
        "animal": animal,
        "remark": _remark(alert),
        **states,
    }


def _remark(alert: dict[str, Any]) -> str:
    """What a person should know before walking to the pen."""
    measured = (
        f"{alert['measured'] / 3600:.1f} h, at least {alert['threshold'] / 3600:.1f} h"
        if alert["unit"] == "s"
        else f"{alert['measured']:.2f}, at least {alert['threshold']:.2f}"
    )
    sure = "" if alert["confidence"] is None else f"; named with confidence {alert['confidence']:.2f}"
    return (
        f"{alert['kind']} ({alert['severity']}), pen {alert['pen_id']}: {measured}, since {_utc(alert['began_at'])}, "
        f"{alert['observed_s'] / 3600:.1f} h observed{sure}; release {alert['release_id']}, rule {alert['rule_id']}"
    )


def _rows(lake: duckdb.DuckDBPyConnection, given: dict[str, Any]) -> list[dict[str, Any]]:
    found = lake.execute(_ALERTS, given)
    columns = [column[0] for column in found.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
