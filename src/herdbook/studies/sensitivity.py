"""Would the finding stand if identity, bridges or labels were worse than thought? The primary exposure otherwise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from herdbook.errors import EstimationError, HerdbookError, ModelMixError
from herdbook.studies.assemble import Assembled, assembled
from herdbook.studies.definition import Identity, Study
from herdbook.studies.designs import Cohort
from herdbook.studies.findings import complete_rows, find, strata
from herdbook.studies.label_error import biased
from herdbook.studies.model_change import End, bridge, releases_to_bridge
from herdbook.studies.rounding import rounded
from herdbook.studies.source import Source
from herdbook.studies.steps import JUDGING, make, parameters_of

SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("about", "variant")),
        *(pa.field(name, pa.float64()) for name in ("ratio", "ratio_low", "ratio_high", "coefficient", "low", "high")),
        *(pa.field(name, pa.float64()) for name in ("systematic_low", "systematic_high")),
        *(pa.field(name, pa.int64()) for name in ("cases", "rows", "draws", "impossible")),
        pa.field("problem", pa.string()),
    ]
)
"""Per variant: the ratio per ``per`` of the primary exposure with its interval. ``about`` is identity, bridge or
labels; ``systematic_low`` and ``systematic_high`` are the logarithm's ends without random error."""
_STRICTER = (0.7, 0.8, 0.9, 0.95)


def sensitive(study: Study, source: Source, found: Assembled) -> pa.Table:
    """The primary exposure's estimate in other ways.

    Args:
        study: the definition.
        source: of which it was assembled just now; tables of its judging steps are made anew.
        found: what came of that.

    Returns:
        A table of `SCHEMA`.
    """
    rows = []
    for name, variant in identity_variants(study):
        make(source.connection, JUDGING, parameters_of(variant))
        rows.append(_row("identity", name, variant, assembled(variant, source.connection).used))
    rows += _bridge_rows(study, source)
    if study.label_error is not None:
        rows.append(label_row(study, found.used, found.scored))
    return pa.Table.from_pylist([{k: rounded(v) for k, v in row.items()} for row in rows], schema=SCHEMA)


def identity_variants(study: Study) -> Iterator[tuple[str, Study]]:
    """The same study with stricter claims, and with doubtful days or rows weighing less."""
    own = study.identity
    for least in _STRICTER:
        if least > own.minimum_confidence:
            yield f"days of confidence ≥ {least:g}", _with(study, minimum_confidence=least)
    for weigh in ("days", "rows"):
        if weigh != own.weigh:
            yield f"{weigh} weighed by confidence", _with(study, weigh=weigh)


def _bridge_rows(study: Study, source: Source) -> Iterator[dict[str, Any]]:
    """The estimate with each bridge at either end of its interval."""
    newest, older = releases_to_bridge(source.connection, study)
    ends: tuple[End, ...] = ("low", "high")
    for release, end in ((release, end) for release in older for end in ends):
        name = f"bridge from {release} to {newest} at its {end} end"
        try:
            bridge(source.connection, study, {release: end})
        except ModelMixError:
            yield {"about": "bridge", "variant": name, "problem": "the bridge has no interval: too few clips"}
            continue
        make(source.connection, JUDGING, parameters_of(study))
        yield _row("bridge", name, study, assembled(study, source.connection).used)
    if older:
        bridge(source.connection, study)


def _row(about: str, name: str, study: Study, rows: pa.Table) -> dict[str, Any]:
    """The estimate of a variant; why there is none where there is none."""
    try:
        primary = find(study.model_copy(update={"exposure": _alone(study)}), rows).to_pylist()[0]
    except HerdbookError as error:
        return {"about": about, "variant": name, "problem": error.message}
    names = ("ratio", "ratio_low", "ratio_high", "coefficient", "low", "high", "cases", "rows")
    return {"about": about, "variant": name} | {key: primary[key] for key in names}


def label_row(study: Study, rows: pa.Table, scored: tuple[int, int]) -> dict[str, Any]:
    """The estimate under the stated errors of labels; why there is none where there is none.

    Args:
        study: with ``label_error``.
        rows: rows that count.
        scored: scorings that met the outcome, and that did not.
    """
    stated = study.label_error
    assert stated is not None, "it was stated"
    said = {k: v for k, v in stated.model_dump().items() if v is not None and k != "draws"}
    name = ", ".join(f"{key.replace('_', ' ')} {low:g} to {high:g}" for key, (low, high) in said.items())
    row: dict[str, Any] = {"about": "labels", "variant": name}
    if isinstance(study.design, Cohort) and study.design.exposed == "at-entry":
        return row | {"problem": "not estimated with exposures at entry: there are no sets of rows at one time"}
    primary = study.exposure.primary
    complete = complete_rows(study, primary, rows)
    columns = {primary.measure: pc.divide(complete[primary.measure], primary.per)}
    columns |= {trait: complete[trait] for trait in study.adjust_for}
    sets = complete["set_id"].to_pylist()
    if isinstance(study.design, Cohort):
        sets = [f"{s} {t}" for s, t in zip(strata(study, complete), complete["stop"].to_pylist(), strict=True)]
    cluster = study.errors.cluster
    clusters = None if cluster is None else complete[f"{cluster}_id"]
    try:
        found = biased(
            stated,
            columns,
            complete["is_case"].to_numpy(),
            sets,
            clusters=clusters,
            scored=scored,
            seed=study.seed,
        )
    except EstimationError as error:
        return row | {"problem": error.message}
    ratios = zip(("ratio", "ratio_low", "ratio_high"), ("coefficient", "low", "high"), strict=True)
    return row | found | {name: math.exp(found[key]) for name, key in ratios} | {"rows": complete.num_rows}


def _with(study: Study, **identity: Any) -> Study:
    stated = study.identity.model_dump() | identity
    return study.model_copy(update={"identity": Identity.model_validate(stated)})


def _alone(study: Study) -> Any:
    return study.exposure.model_copy(update={"others": ()})
