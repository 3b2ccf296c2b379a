"""What may be an exposure: a fixed catalogue of measures of `animal_day`, and why anything else is refused by name.

Every measure is a sum over a sum of what was observed, over a window that ends before the index day; so a measure of
the catalogue cannot look past it. The formulas are in ``sql/study/exposure``.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from herdbook.errors import LeakageError, StudyDefinitionError


@dataclass(frozen=True)
class Measure:
    """One measure over a window."""

    meaning: str
    posture: str | None = None
    """The posture whose share of observed time it is."""
    behaviour: str | None = None
    """The behaviour whose share it is. With neither, no bridge between releases speaks of it."""


MEASURES: dict[str, Measure] = {
    "lying_share": Measure("share of observed time lying, asleep or awake", posture="lying"),
    "sitting_share": Measure("share of observed time sitting", posture="sitting"),
    "standing_share": Measure("share of observed time standing, whatever it did", posture="standing"),
    "sleeping_share": Measure("share of observed time sleeping", behaviour="sleeping"),
    "walking_share": Measure("share of observed time walking", behaviour="walking"),
    "eating_share": Measure("share of observed time eating", behaviour="eating"),
    "drinking_share": Measure("share of observed time drinking", behaviour="drinking"),
    "investigating_share": Measure("share of observed time investigating", behaviour="investigating"),
    "social_share": Measure("share of observed time in social behaviour", behaviour="social"),
    "lying_bouts_per_hour": Measure("lying bouts per observed hour; midnight and gaps add some"),
    "speed_m_s": Measure("metres moved per observed second"),
}

_LABEL = "a label is written on the index day or after it, and corrected later still"
_END = "how and when a stay ends is known only when it has ended"
_MADE = "it says when a row was made, which is after what the row is about"
LATER: dict[str, str] = {
    **dict.fromkeys(("value_number", "value_text", "severity", "site", "observer", "scale", "label_id"), _LABEL),
    **dict.fromkeys(("occurred_after", "occurred_by", "occurred_day", "index_day", "is_case"), _LABEL),
    **dict.fromkeys(("valid_to", "cause", "exit", "departure", "death", "culled", "last_day"), _END),
    **dict.fromkeys(("recorded_at", "received_at", "loaded_at", "made_at", "modified"), _MADE),
}
"""Columns that read past the index day, and why."""

_RAW = ("camera_on_s", "tracked_s", "identified_s", "behaviour_s", "distance_m", "distance_observed_s", "lying_bouts")
_LOOKS = ("vector", "embedding", "space_id", "animal_embedding_day", "cosine")


def require_measure(name: str) -> str:
    """A name of the catalogue.

    Args:
        name: as the definition has it; a table in front of it is allowed.

    Raises:
        LeakageError: a column of that name is known only on the index day or after it.
        StudyDefinitionError: it is no measure, for the reason said.
    """
    plain = name.rsplit(".", 1)[-1]
    if plain in MEASURES:
        return plain
    if plain in LATER or name.startswith(("label", "alert", "diagnosis", "treatment")):
        raise LeakageError(f"'{name}' reads past the index day: {LATER.get(plain, _LABEL)}")
    if plain in _RAW or plain.endswith(("_s", "_m")):
        raise StudyDefinitionError(
            f"'{name}' has no denominator: an animal that was not seen would count as one that did nothing",
            f"Use a measure of observed time: {', '.join(MEASURES)}.",
        )
    if any(word in plain for word in _LOOKS):
        raise StudyDefinitionError(
            f"'{name}' compares embeddings, which are never compared across embedding spaces",
            "No measure reads vectors yet; cross spaces with `herdbook learn bridge`, and use a measure of behaviour.",
        )
    near = get_close_matches(plain, MEASURES, 1)
    raise StudyDefinitionError(
        f"'{name}' is not a measure" + (f"; did you mean {near[0]}?" if near else ""),
        f"There are: {', '.join(MEASURES)}.",
    )
