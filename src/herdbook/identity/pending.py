"""Which loads want matching: those never matched, and those whose claims rest on what has changed since."""

from __future__ import annotations

from herdbook.lake.attach import open_lake
from herdbook.settings import Settings

_UNMATCHED = """
WITH matched AS (SELECT load_id, max(recorded_at) AS matched_at FROM identity.run GROUP BY load_id),
enrolled AS (
    SELECT a.farm_id, CAST(e."at" AS DATE) AS day, max(e.recorded_at) AS changed_at
    FROM identity.enrolment AS e
    JOIN animal AS a USING (animal_id)
    GROUP BY ALL
),
-- All versions of a stay, with the time of the latest: one that was cut short since concerned later days, too.
stay AS (
    SELECT
        animal_id, pen_id, valid_from, valid_to,
        max(recorded_at) OVER (PARTITION BY animal_id, pen_id, valid_from) AS changed_at
    FROM roster.pen_stay
),
change AS (
    SELECT d.load_id, max(e.changed_at) AS changed_at
    FROM device_day AS d
    JOIN enrolled AS e ON e.farm_id = d.farm_id AND abs(date_diff('day', d.day, e.day)) <= $lookback_days
    GROUP BY d.load_id
    UNION ALL
    SELECT d.load_id, max(s.changed_at) AS changed_at
    FROM device_day AS d
    JOIN camera_setup AS c USING (farm_id, device_id, day, load_id)
    JOIN stay AS s ON s.pen_id = c.pen_id AND s.valid_from < d.ends_at AND coalesce(s.valid_to, d.ends_at) > d.starts_at
    GROUP BY d.load_id
    UNION ALL
    SELECT d.load_id, max(r.made_at) AS changed_at
    FROM device_day AS d
    JOIN model_release AS m USING (farm_id, device_id, day, load_id)
    JOIN bridge.space AS s ON s.to_space_id = m.space_id AND s.map_sha256 IS NOT NULL
    JOIN bridge.run AS r USING (bridge_id)
    GROUP BY d.load_id
    UNION ALL
    SELECT x.load_id, greatest(max(x.recorded_at), max(u.recorded_at)) AS changed_at
    FROM identity.decision AS x
    LEFT JOIN identity.operation AS u ON u.undoes = x.operation_id
    WHERE x.says <> 'skipped'
    GROUP BY x.load_id
    UNION ALL
    SELECT d.load_id, max(o.recorded_at) AS changed_at
    FROM device_day AS d
    JOIN camera_setup AS c USING (farm_id, device_id, day, load_id)
    JOIN stay AS s ON s.pen_id = c.pen_id AND s.valid_from < d.ends_at AND coalesce(s.valid_to, d.ends_at) > d.starts_at
    JOIN identity.operation AS o ON o.other_animal_id = s.animal_id AND o.animal_id IS NOT NULL
        AND coalesce(o.valid_from < d.ends_at, true) AND coalesce(o.valid_to > d.starts_at, true)
    WHERE o.kind IN ('merge', 'retag', 'undo')
    GROUP BY d.load_id
)
SELECT d.load_id, d.device_id || ' ' || d.day
FROM device_day AS d
SEMI JOIN enrolled AS e ON e.farm_id = d.farm_id
LEFT JOIN matched AS m ON m.load_id = d.load_id
LEFT JOIN change AS c ON c.load_id = d.load_id
WHERE d.tracklet_rows > 0
GROUP BY d.load_id, d.device_id, d.day
HAVING max(m.matched_at) IS NULL OR max(m.matched_at) < max(c.changed_at)
ORDER BY d.day, d.device_id
"""


def unmatched_loads(settings: Settings) -> list[tuple[str, str]]:
    """Current loads whose tracklets have not been matched to the animals enrolled by now: ``(load_id, name)``.

    A load is matched anew when an animal of its farm was enrolled since, unless it is more than ``lookback_days`` away
    from that animal's day of enrolment: history does not change with every new animal. It is also matched anew when
    the roster changed on who stayed in its pens that day, when a bridge to its embedding space was made, and when a
    person corrected one of its tracklets, merged animals of its pens, or undid that.

    Raises:
        NotInitialisedError: there is no lake yet.
    """
    with open_lake(settings, read_only=True) as lake:
        return lake.execute(_UNMATCHED, {"lookback_days": settings.lookback_days}).fetchall()
