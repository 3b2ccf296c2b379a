"""How often alerts cry wolf on healthy simulated herds, and how often they miss what is there.

Herds are records without pixels (docs/adr/0170): cameras that fail, animals lost and mistaken for each other, days that
vary. Many thresholds are tried on herds of seed 1; the default rules (`herdbook.contracts.alert_defaults`) were chosen
there, and are judged here on herds of seed 2. Crowding needs places: animals of the small farm (docs/adr/0020 ff.) as
they walk, without pictures. Intervals are exact for Poisson counts (Garwood 1936). ``results/alerts.json`` keeps all.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.stats import chi2

from herdbook.contracts.alert_message import Alert
from herdbook.contracts.alerts import (
    AlertRules,
    CrowdingRule,
    LyingRule,
    NotAtFeederRule,
    Subject,
    default_rules,
    parse_rules,
)
from herdbook.contracts.camera import Camera, Zone, ZoneKind
from herdbook.edge.alerts.book import Book
from herdbook.edge.alerts.crowding import episodes
from herdbook.edge.alerts.crowds import crowd_share
from herdbook.edge.alerts.evaluate import find
from herdbook.edge.alerts.findings import RECENT
from herdbook.edge.alerts.reconcile import reconcile
from herdbook.edge.alerts.records import feed, tally_extent, watched_spans
from herdbook.edge.alerts.summary import DaySummary
from herdbook.edge.alerts.tally import DayTally
from herdbook.edge.naming import Name
from herdbook.simulate.design import design_farm
from herdbook.simulate.device_days import live_day, pen_life
from herdbook.simulate.herd.cells import chunks
from herdbook.simulate.herd.columns import plain
from herdbook.simulate.herd.days import device_days
from herdbook.simulate.herd.names import Names
from herdbook.simulate.herd.plan import HerdPlan, make_herd_plan
from herdbook.simulate.herd.records import Filled, bout_rows, claim_rows, coverage_rows, fill, tracklet_rows
from herdbook.simulate.plan import FarmPlan

RESULTS = Path(__file__).parent / "results"
SEEDS = {"chosen on": 1, "judged on": 2}
HERD: dict[str, Any] = {"devices": 1, "pens_per_device": 8, "animals_per_pen": 12, "days": 200}
HEALTHY: dict[str, Any] = {"illness": {"rate_per_year": 0.0}}
SICK: dict[str, Any] = {
    "days": 120,
    "illness": {"rate_per_year": 1.5},
    "truth": {"kind": "onset", "shift": 0.12, "latency_days": (3, 6)},
}
FASTS = 30
"""Animals per device, in a healthy herd of its own, that are made to stop eating."""
FAST_DAYS = 2
BASELINE_DAYS = 30
"""Illnesses that begin earlier do not count: there is no baseline yet."""
PENS = {"pens": 4, "animals_per_pen": 10, "days": 3}
SURE = 0.8
"""Least confidence at which a claim stands in for a provisional name."""
HOURS, PEN_HOURS = (16, 24, 30, 36, 42), (3, 4, 6, 8)
SPREADS, EXCESSES = (3.0, 4.0, 5.0), (0.08, 0.1)


def run() -> list[dict[str, Any]]:
    """One row per default rule, on the seed that nothing was chosen on."""
    found: dict[str, Any] = {"herd": HERD, "pens": PENS, "seeds": SEEDS, "rules": json.loads(default_rules("pig-9"))}
    for name, seed in SEEDS.items():
        found[name] = healthy(seed, tried()) | crowds(seed, tried())
        _keep(found)
    found["judged on"]["sick"] = sick(SEEDS["judged on"], tried())
    _keep(found)
    judged = found["judged on"]
    shipped = [rule.rule_id for rule in parse_rules(default_rules("pig-9")).rules]
    rates = {
        name: figures for name, figures in (judged["false_alarms"] | judged["crowding"]).items() if name in shipped
    }
    return [
        {
            "name": f"{rule_id}, false alarms",
            "ours": figures["per_100_days"],
            "baseline": figures["to"],
            "unit": f"per 100 {figures['of']} (baseline: upper 95 % bound)",
            "ratio": None,
            "aim": None,
        }
        for rule_id, figures in rates.items()
    ]


def healthy(seed: int, rules: AlertRules) -> dict[str, Any]:
    """False alarms by rule in a herd in which nobody is ill."""
    plan = make_herd_plan(HERD | HEALTHY | {"seed": seed})
    raised: Counter[str] = Counter()
    days: Counter[str] = Counter()
    for device in range(plan.devices):
        alerts, seen = _live(plan, device, rules)
        raised.update(alert.rule_id for alert in alerts)
        days.update(seen)
    return {
        "animal_days": days["animal"],
        "pen_days": days["pen"],
        "false_alarms": {
            rule.rule_id: rate(raised[rule.rule_id], days[rule.about], f"{rule.about}-days")
            for rule in rules.rules
            if not isinstance(rule, CrowdingRule)
        },
    }


def sick(seed: int, rules: AlertRules) -> dict[str, Any]:
    """Share of illnesses that each rule tells: lying by 12 points from its onset until it is seen by people, and not
    eating at all for two days."""
    plan = make_herd_plan(HERD | SICK | {"seed": seed, "farm_id": "ill-farm"})
    told: dict[str, list[bool]] = {}

    def score(kind: type, alerts: tuple[Alert, ...], animal_id: str, first: int, stop: int) -> None:
        for rule in rules.rules:
            if isinstance(rule, kind) and rule.about is Subject.ANIMAL:
                told.setdefault(rule.rule_id, []).append(
                    _told(alerts, rule.rule_id, animal_id, _span(plan, first, stop))
                )

    names = Names(plan)
    for device in range(plan.devices):
        alerts, _ = _live(plan, device, rules)
        ill = device_days(plan, device).illnesses
        for animal, onset, index in zip(ill.animal.tolist(), ill.onset.tolist(), ill.index.tolist(), strict=True):
            if onset >= BASELINE_DAYS:
                score(LyingRule, alerts, names.animal(device, animal), onset, index + 1)
    plan = make_herd_plan(HERD | HEALTHY | {"seed": seed, "farm_id": "fasting-farm", "days": 40})
    names = Names(plan)
    for device in range(plan.devices):
        rng = np.random.default_rng([seed, device])
        fasting = rng.choice(plan.places, FASTS, replace=False).tolist()
        fasts = {names.animal(device, animal): 15 + int(rng.integers(20)) for animal in fasting}
        alerts, _ = _live(plan, device, rules, fasts)
        for animal_id, day in fasts.items():
            score(NotAtFeederRule, alerts, animal_id, day, day + FAST_DAYS)
    return {rule_id: {"told": sum(hits), "of": len(hits)} for rule_id, hits in told.items()}


def crowds(seed: int, rules: AlertRules) -> dict[str, Any]:
    """False alarms of crowding in pens in which nothing is wrong, minute by minute from where animals are."""
    farm = design_farm(FarmPlan(seed=seed, **PENS))
    raised: Counter[str] = Counter()
    asked = [rule for rule in rules.rules if isinstance(rule, CrowdingRule)]
    for pen in farm.pens:
        life = pen_life(farm, pen)
        animals = farm.animals_of(pen.pen_id)
        zone = Zone(zone_id="feeder", kind=ZoneKind.FEEDER, polygon=pen.layout.feeder_zone.corners, valid_from=_EVER)
        shares: dict[str, list[float]] = {rule.rule_id: [] for rule in asked}
        for day in farm.plan.simulated_days():
            lived = live_day(farm, pen, life, day)
            moments = np.arange(lived.start + 30, lived.end, 60)
            poses = np.stack([lived.trajectories[a.animal_id].at(moments) for a in animals], axis=1)
            size = np.array([[a.length_m, a.width_m] for a in animals])
            across = np.abs(np.cos(poses[..., 2])), np.abs(np.sin(poses[..., 2]))
            box = [size[:, 0] * a + size[:, 1] * b for a, b in (across, across[::-1])]
            places = np.concatenate([poses[..., :2], np.hypot(*box)[..., None]], axis=2)
            for rule in asked:
                shares[rule.rule_id] += [crowd_share(rule, minute, (zone,)) or 0.0 for minute in places]
        for rule in asked:
            minutes = list(range(len(shares[rule.rule_id])))
            raised[rule.rule_id] += len(list(episodes(rule, minutes, shares[rule.rule_id], len(minutes))))
    days = len(farm.pens) * farm.plan.days
    return {"crowding": {rule.rule_id: rate(raised[rule.rule_id], days, "pen-days") for rule in asked}}


def rate(count: int, days: int, of: str) -> dict[str, Any]:
    """Events per 100 days with the exact 95 % interval of a Poisson count."""
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    high = chi2.ppf(0.975, 2 * count + 2) / 2
    figures = [round(float(100 * n / days), 3) for n in (count, low, high)]
    return dict(zip(("per_100_days", "from", "to"), figures, strict=True)) | {"alarms": count, "days": days, "of": of}


_EVER = datetime(2000, 1, 1, tzinfo=UTC)


def tried() -> AlertRules:
    """The default rules and, beside them, every other threshold that is tried."""
    rules: list[Any] = list(parse_rules(default_rules("pig-9")).rules)
    off_feed = {rule.about: rule for rule in rules if isinstance(rule, NotAtFeederRule)}
    for about, hours in ((Subject.ANIMAL, HOURS), (Subject.PEN, PEN_HOURS)):
        rules += [off_feed[about].model_copy(update={"rule_id": f"{about}-off-feed-{h}", "hours": h}) for h in hours]
    rules += [
        LyingRule(rule_id=f"{about}-lying-{k:g}-{excess:g}", about=about, spreads=k, excess=excess)
        for about in (Subject.ANIMAL, Subject.PEN)
        for k in SPREADS
        for excess in EXCESSES
    ]
    rules += [
        CrowdingRule(rule_id=f"huddling-{share:g}-{distance:g}", share=share, minutes=60, distance=distance)
        for share in (0.5, 0.7)
        for distance in (0.4, 0.6)
    ]
    return AlertRules(ethogram_id="pig-9", rules=tuple(rules))


def _live(
    plan: HerdPlan, device: int, rules: AlertRules, fasts: dict[str, int] | None = None
) -> tuple[tuple[Alert, ...], Counter[str]]:
    """A device's whole life, day after day; its alerts, and the animal-days and pen-days that it saw."""
    book, kept, seen = Book(), [], Counter[str]()
    for day in _days(plan, device, rules, fasts or {}):
        kept = [past for past in kept if (day.day - past.day) <= timedelta(days=28) + RECENT] + [day]
        seen.update(subject.about.value for subject in day.subjects)
        since = day.starts - RECENT.total_seconds()
        found = list(find(rules, kept))
        book = reconcile(
            book, found, device_id="d", rules_sha256=day.rules_sha256, since=since, clips=lambda finding: ()
        )
    return book.alerts, seen


def _days(plan: HerdPlan, device: int, rules: AlertRules, fasts: dict[str, int]) -> Iterator[DaySummary]:
    names = Names(plan)
    cameras = [names.camera_setup(device, pen) for pen in range(plan.pens_per_device)]
    for chunk in chunks(plan):
        if chunk.device != device:
            continue
        filled = fill(plan, chunk)
        tables = [plain(rows(filled)) for rows in (tracklet_rows, bout_rows, coverage_rows, claim_rows)]
        for n, load in enumerate(filled.loads):
            of_day = [table.filter(pa.compute.equal(table["load_id"], load)) for table in tables]
            yield _summary(filled, chunk.first + n, of_day, cameras=cameras, rules=rules, fasts=fasts)


def _summary(
    filled: Filled,
    number: int,
    tables: list[pa.Table],
    *,
    cameras: list[Camera],
    rules: AlertRules,
    fasts: dict[str, int],
) -> DaySummary:
    """One day's summary; ``fasts``: from which day on an animal eats nothing for two."""
    tracklets, bouts, coverage, claims = tables
    plan = filled.plan
    day = plan.start_day + timedelta(days=number)
    extent = tally_extent(day, plan.timezone)
    claimed = zip(*(claims[name].to_pylist() for name in ("tracklet_id", "animal_id", "confidence")), strict=True)
    known = {tracklet: Name(animal, sure) for tracklet, animal, sure in claimed if animal and sure >= SURE}
    fasting = {t for t, name in known.items() if 0 <= number - fasts.get(name.animal_id, number + 1) < FAST_DAYS}
    if fasting:
        eats = pa.compute.and_(
            pa.compute.equal(bouts["behaviour"], "eating"),
            pa.compute.is_in(bouts["tracklet_id"], pa.array(sorted(fasting))),
        )
        behaviour = pa.compute.if_else(eats, "standing", bouts["behaviour"])
        bouts = bouts.set_column(bouts.schema.get_field_index("behaviour"), "behaviour", behaviour)
    tally = DayTally(day, extent, cameras, rules)
    feed(tally, tracklets, bouts)
    settled = {camera.camera_id: extent[1] for camera in cameras}
    release_id = filled.names.releases[filled.part.release[number]].release_id
    return tally.summary(known, watched_spans(coverage), settled, final=True, release_id=release_id)


def _span(plan: HerdPlan, first: int, stop: int) -> tuple[float, float]:
    begins, ends = (tally_extent(plan.start_day + timedelta(days=day), plan.timezone)[0] for day in (first, stop))
    return begins, ends


def _told(alerts: tuple[Alert, ...], rule_id: str, animal_id: str, span: tuple[float, float]) -> bool:
    """Whether an alert about an animal was raised in a time, or in the hour after it."""
    return any(
        alert.rule_id == rule_id
        and alert.animal_id == animal_id
        and span[0] < alert.raised_at.timestamp() <= span[1] + 3600
        for alert in alerts
    )


def _keep(found: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "alerts.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
