"""What it takes to become champion, said as data."""

from __future__ import annotations

from pathlib import Path

import pytest
from evaluation_cases import sequence
from registry_cases import report_of

from herdbook.errors import ConfigurationError, InputError, PromotionRefusedError
from herdbook.learning.evaluation.report import Footprint, Report
from herdbook.learning.evaluation.sequences import Sequence
from herdbook.learning.registry.gates import Check, Gates, Verdict, judge, load_gates

MODEL = "herdbook-compact"


@pytest.fixture(scope="module")
def gates() -> Gates:
    return load_gates()


def lit(night: int) -> list[Sequence]:
    """Six farms with two clips of each light; `night` of the night clips in all, at least one a farm."""
    found = []
    for farm in range(6):
        found += [sequence(f"d{farm}{k}", f"farm-{farm}", light="day") for k in range(3)]
    return found + [sequence(f"n{k}", f"farm-{k % 6}", light="night") for k in range(night)]


def verdict(challenger: Report, other: Report, gates: Gates, *, first: bool = False, dirty: bool = False) -> Verdict:
    return judge(challenger, other, gates, model=MODEL, first=first, dirty=dirty)[0]


def checks(found: Verdict, what: str, where: str = "overall", gate: str = "difference") -> Check:
    return next(c for c in found.checks if (c.gate, c.what, c.where) == (gate, what, where))


def test_a_better_challenger_passes(gates: Gates) -> None:
    found = verdict(report_of("compact", 0.95), report_of("compact", 0.90, seed=2), gates)
    assert found.passed, found.failed
    check = checks(found, "mota")
    assert check.value == pytest.approx(0.1, abs=0.01)
    assert check.limit == -0.01
    assert check.bound < check.value
    found.require_passed()


def test_one_that_is_as_good_passes_where_there_are_enough_sequences(gates: Gates) -> None:
    same = report_of("compact", 0.9)
    assert verdict(same, same, gates).passed


def test_a_point_estimate_within_the_margin_is_no_evidence(gates: Gates) -> None:
    """The difference is nearly none, but two sequences could not tell a large one."""
    few = [sequence("a"), sequence("b")]
    found = verdict(
        report_of("compact", 0.9, sequences=few, seed=3), report_of("compact", 0.9, sequences=few, seed=4), gates
    )
    check = checks(found, "mota")
    assert abs(check.value) < 0.05
    assert check.bound < -0.01
    assert not found.passed


def test_few_sequences_are_no_evidence_however_alike_the_figures(gates: Gates) -> None:
    """Where both are perfect on all of few sequences, nothing varies and any interval is too narrow."""
    few = [sequence(f"s{k}") for k in range(11)]
    perfect = report_of("compact", 2.0, sequences=few)
    found = verdict(perfect, perfect, gates)
    assert [(c.what, c.note) for c in found.failed] == [("sequences", "11 of at least 12")]


def test_one_sequence_is_none_at_all(gates: Gates) -> None:
    one = [sequence("a")]
    found = verdict(report_of("compact", 1, sequences=one), report_of("compact", 0.1, sequences=one), gates)
    assert checks(found, "mota").note == "no interval: too few sequences"
    assert not found.passed


def test_a_worse_one_is_refused_and_the_gate_is_named(gates: Gates) -> None:
    found = verdict(report_of("compact", 0.85), report_of("compact", 0.90), gates)
    assert not found.passed
    with pytest.raises(PromotionRefusedError, match="mota overall"):
        found.require_passed()


def test_less_is_better_for_calibration_error(gates: Gates) -> None:
    good, bad = report_of("compact"), report_of("compact")
    for judgement in bad.judgements:
        judgement.sums["calibration"][7] = [100, 50, 20]
    assert checks(verdict(bad, good, gates), "behaviour_ece").value == pytest.approx(-0.3)
    assert not checks(verdict(bad, good, gates), "behaviour_ece").passed
    assert checks(verdict(good, bad, gates), "behaviour_ece").passed


@pytest.mark.parametrize(("nights", "passed"), [(12, False), (11, True)])
def test_a_slice_with_enough_sequences_is_gated_and_a_smaller_one_reported(
    nights: int, passed: bool, gates: Gates
) -> None:
    sequences = lit(nights)
    bad_at_night = report_of("compact", 0.99, sequences=sequences, worse_at="night")
    champion = report_of("compact", 0.80, sequences=sequences, seed=2)
    found = verdict(bad_at_night, champion, gates)
    check = checks(found, "mota", "light night")
    assert (check.sequences, check.passed, check.counts) == (nights, False, nights >= 12)
    assert [c.where for c in found.failed if c.what == "mota"] == ([] if passed else ["light night"])


def test_the_first_champion_must_beat_motion(gates: Gates) -> None:
    motion = report_of("motion", 0.8, seed=2)
    assert verdict(report_of("compact", 0.9), motion, gates, first=True).passed
    as_good = verdict(report_of("compact", 0.8, seed=2), motion, gates, first=True)
    assert not as_good.passed
    assert {c.gate for c in as_good.failed} == {"better"}


def test_margins_against_the_baseline_are_reported_and_those_against_a_champion_gated(gates: Gates) -> None:
    worse, other = report_of("compact", 0.7), report_of("motion", 0.8, seed=2)
    first, later = verdict(worse, other, gates, first=True), verdict(worse, other, gates)
    for what in gates.margins:
        against_baseline, against_champion = checks(first, what), checks(later, what)
        assert not against_baseline.counts
        assert against_champion.counts
        assert (against_baseline.value, against_baseline.bound) == (against_champion.value, against_champion.bound)
    assert {c.gate for c in first.failed} == {"better"}
    assert {c.gate for c in later.failed} == {"difference"}


def test_the_first_champion_is_not_measured_against_another_weak_engine(gates: Gates) -> None:
    found = verdict(report_of("compact", 0.9), report_of("compact", 0.1, seed=2), gates, first=True)
    assert [c.what for c in found.failed] == ["baseline"]


def test_a_dirty_run_is_refused_however_good(gates: Gates) -> None:
    found = verdict(report_of("compact", 0.99), report_of("compact", 0.5, seed=2), gates, dirty=True)
    assert [(c.gate, c.what) for c in found.failed] == [("clean", "run")]


@pytest.mark.parametrize(
    ("footprints", "failed"),
    [
        ((Footprint(sku="cpu", size_bytes=7_000_000),), []),
        ((Footprint(sku="cpu", size_bytes=12_000_000),), ["size_bytes"]),
        ((), ["size_bytes"]),
        (
            (Footprint(sku="cpu", size_bytes=1), Footprint(sku="orin-nano", size_bytes=1, latency_ms=200)),
            ["latency_ms"],
        ),
    ],
)
def test_budgets_are_kept_to_and_required_ones_measured(
    footprints: tuple[Footprint, ...], failed: list[str], gates: Gates
) -> None:
    found = verdict(report_of("compact", 0.95, footprints=footprints), report_of("compact", 0.9), gates)
    assert [c.what for c in found.failed] == failed
    assert {c.note for c in found.checks if c.gate == "budget" and c.value is None} <= {"not measured"}


def test_an_unmeasured_figure_fails_unless_it_may_be_absent(gates: Gates) -> None:
    found = verdict(report_of("compact"), report_of("compact"), gates)
    assert checks(found, "idf1_long").note == "not measured"
    assert checks(found, "idf1_long").passed
    strict = gates.model_copy(
        update={"margins": gates.margins | {"idf1_long": gates.margins["mota"].model_copy(update={"required": True})}}
    )
    assert [c.what for c in verdict(report_of("compact"), report_of("compact"), strict).failed] == ["idf1_long"]


def test_evaluations_on_other_sequences_are_refused(gates: Gates) -> None:
    with pytest.raises(InputError, match="not of the same sequences"):
        verdict(report_of("compact"), report_of("compact", sequences=lit(3)), gates)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("min_sequences: 1", "min_sequences"),
        ("slice_by: [moon]", "moon"),
        ("margins: {beauty: {overall: 1}}", "beauty"),
        ("surprise: 1", "surprise"),
        ("margins: [", "cannot be read"),
    ],
)
def test_wrong_gates_are_said(tmp_path: Path, line: str, said: str) -> None:
    import yaml

    from herdbook.learning.registry import gates as module

    shipped = yaml.safe_load(Path(module.__file__).with_name("gates.yaml").read_text())
    path = tmp_path / "gates.yaml"
    try:
        path.write_text(yaml.safe_dump(shipped | yaml.safe_load(line)))
    except yaml.YAMLError:
        path.write_text(line)
    with pytest.raises(ConfigurationError, match=said):
        load_gates(path)
