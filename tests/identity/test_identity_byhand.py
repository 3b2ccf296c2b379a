"""Who is who by hand: nothing is overwritten, nothing contradicts itself, everything can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herdbook.errors import HerdbookError, IdentityConflictError, InputError, NotFoundError, NotUndoableError
from herdbook.identity.byhand import accept, correct, merge, reject, skip, split
from herdbook.identity.retag import retag
from herdbook.identity.undo import log, undo
from herdbook.identity.words import Done, Word
from support.herd import DAY, LONG_AGO, Herd, at

BY = Word("a tester")
ANIMALS = ("a1", "a2", "a3", "a4")
VERSION = {"recorded_at": LONG_AGO, "retracted": False, "source": "test"}


@pytest.fixture
def herd() -> Iterator[Herd]:
    """One pen, four animals."""
    with Herd() as herd:
        yield populated(herd)


def populated(herd: Herd) -> Herd:
    """One pen over which one camera hangs, four animals of the roster, one day."""
    herd.load()
    for animal in ANIMALS:
        herd.insert("roster.animal", {"animal_id": animal, "farm_id": "f1", "species": "pig"} | VERSION)
        herd.stay(animal, "p1")
    return herd


def believed(herd: Herd, then: datetime | None = None) -> list[tuple[Any, ...]]:
    """The view ``identity``, whole, or as it was known at a moment."""
    source = "identity" if then is None else f"identity_known_as_of(TIMESTAMPTZ '{then}')"
    return herd.query(f"FROM {source} ORDER BY load_id, tracklet_id")


def animals(herd: Herd) -> dict[str, str | None]:
    """Whose each tracklet is."""
    return dict(herd.query("SELECT tracklet_id, animal_id FROM identity"))


def test_a_persons_word_stands_above_claims_made_before_and_after(herd: Herd) -> None:
    t = herd.tracklet(1, 2, animal="a1")
    correct(herd.db, [t], "a2", BY)
    assert animals(herd) == {t: "a2"}
    herd.claim(t, "a3", 0.99, recorded=24 * 365 * 5)
    assert animals(herd) == {t: "a2"}
    assert herd.query("SELECT confidence, method, identified FROM identity") == [(1.0, "person/correct", True)]


def test_nobody_that_could_be_named_is_a_word_too(herd: Herd) -> None:
    t = herd.tracklet(1, 2)
    correct(herd.db, [t], None, BY)
    assert herd.query("SELECT animal_id, identified FROM identity") == [(None, False)]


def test_a_claim_of_the_same_animal_at_the_same_time_gives_way(herd: Herd) -> None:
    wrong, right, later = herd.tracklet(1, 3, animal="a1"), herd.tracklet(2, 4, animal="a2"), herd.tracklet(5, 6)
    done = correct(herd.db, [right], "a1", BY)
    assert done.set_aside == (wrong,)
    assert animals(herd) == {wrong: None, right: "a1", later: "a1"}
    herd.claim(wrong, "a2", 0.9, recorded=24 * 365 * 5)
    assert animals(herd)[wrong] == "a2", "until it is matched again"


def test_two_words_about_one_moment_are_refused_with_the_way_out(herd: Herd) -> None:
    one, other = herd.tracklet(1, 3, animal="a1"), herd.tracklet(2, 4, animal="a2")
    first = correct(herd.db, [one], "a3", BY)
    with pytest.raises(IdentityConflictError, match="seen at once") as caught:
        correct(herd.db, [other], "a3", BY)
    assert first.operation_id in caught.value.remedy


def test_a_rejected_claim_gives_way_and_only_that(herd: Herd) -> None:
    t = herd.tracklet(1, 2, animal="a1")
    reject(herd.db, t, "a2", BY)
    assert animals(herd) == {t: "a1"}
    reject(herd.db, t, "a1", BY)
    assert animals(herd) == {t: None}


def test_skipping_changes_nothing_but_is_on_record(herd: Herd) -> None:
    t = herd.tracklet(1, 2)
    before = believed(herd)
    skip(herd.db, t, BY)
    assert believed(herd) == before
    [entry] = log(herd.db, last=5)
    assert (entry["kind"], entry["recorded_by"], entry["tracklets"]) == ("skip", "a tester", 1)


def test_merged_animals_are_one_as_sure_as_they_were(herd: Herd) -> None:
    one, other = herd.tracklet(1, 2, animal="a1"), herd.tracklet(3, 4, animal="a2", confidence=0.7)
    merge(herd.db, "a2", "a1", BY)
    assert animals(herd) == {one: "a1", other: "a1"}
    assert herd.query("SELECT round(confidence::DOUBLE, 2) FROM identity WHERE tracklet_id = '" + other + "'") == [
        (0.7,)
    ]


def test_animals_that_were_seen_at_once_are_not_merged_unless_one_insists(herd: Herd) -> None:
    herd.tracklet(1, 3, animal="a1", confidence=0.9)
    weaker = herd.tracklet(2, 4, animal="a2", confidence=0.8)
    with pytest.raises(IdentityConflictError, match="two animals"):
        merge(herd.db, "a2", "a1", BY)
    herd.db.execute("DELETE FROM identity.operation; DELETE FROM identity.decision")  # what a rollback does
    assert merge(herd.db, "a2", "a1", BY, despite_overlap=True).set_aside == (weaker,)


def test_a_merge_holds_for_its_time(herd: Herd) -> None:
    before, over, after = (herd.tracklet(*hours, animal="a2") for hours in ((1, 2), (2, 4), (5, 6)))
    merge(herd.db, "a2", "a1", BY, since=at(3))
    assert animals(herd) == {before: "a2", over: None, after: "a1"}


def test_a_split_gives_what_was_since_to_another(herd: Herd) -> None:
    early, late = herd.tracklet(1, 2, animal="a1"), herd.tracklet(5, 6, animal="a1")
    split(herd.db, "a1", "a3", BY, since=at(4))
    assert animals(herd) == {early: "a1", late: "a3"}


def test_a_split_from_an_unknown_animal_leaves_it_to_matching(herd: Herd) -> None:
    early, late = herd.tracklet(1, 2, animal="a1"), herd.tracklet(5, 6, animal="a1")
    split(herd.db, "a1", None, BY, tracklet_ids=[late])
    assert animals(herd) == {early: "a1", late: None}
    herd.claim(late, "a2", 0.9, recorded=24 * 365 * 5)
    assert animals(herd)[late] == "a2"


def test_undo_gives_back_and_the_next_undo_the_one_before(herd: Herd) -> None:
    t = herd.tracklet(1, 2, animal="a1")
    original = believed(herd)
    accept(herd.db, t, "a2", BY)
    second = believed(herd)
    last = correct(herd.db, [t], "a3", BY)
    undo(herd.db, last.operation_id, BY)
    assert believed(herd) == second
    undo(herd.db, "last", BY)
    assert believed(herd) == original
    with pytest.raises(NotUndoableError, match="undone already"):
        undo(herd.db, last.operation_id, BY)
    with pytest.raises(NotFoundError, match="no operation 'last'"):
        undo(herd.db, "last", BY)


def test_an_undo_that_would_put_an_animal_in_two_places_is_refused(herd: Herd) -> None:
    one, other = herd.tracklet(1, 3, animal="a2"), herd.tracklet(2, 4, animal="a3")
    first = correct(herd.db, [one], "a1", BY)
    moved = correct(herd.db, [one], "a4", BY)
    correct(herd.db, [other], "a1", BY)
    with pytest.raises(IdentityConflictError, match="seen at once"):
        undo(herd.db, moved.operation_id, BY)
    assert first.operation_id != moved.operation_id


def test_a_new_tag_that_entered_the_roster_as_a_new_animal(herd: Herd) -> None:
    tag = {"farm_id": "f1", "scheme": "management-tag", "valid_to": None} | VERSION
    herd.insert("roster.animal_identifier", tag | {"animal_id": "a1", "identifier": "17", "valid_from": at(-50)})
    herd.insert("roster.animal_identifier", tag | {"animal_id": "a2", "identifier": "99", "valid_from": at(4)})
    old, new = herd.tracklet(1, 2, animal="a1"), herd.tracklet(5, 6, animal="a2")
    bore = "SELECT animal_id, identifier, valid_from, valid_to FROM animal_identifier ORDER BY ALL"
    before, roster = believed(herd), herd.query(bore)
    with pytest.raises(InputError, match="a2 bears"):
        retag(herd.db, "a1", BY, scheme="management-tag", old="17", new="99", at=at(4))
    done = retag(herd.db, "a1", BY, scheme="management-tag", old="17", new="99", at=at(4), was="a2")
    assert animals(herd) == {old: "a1", new: "a1"}
    assert herd.query(bore) == [("a1", "17", at(-50), at(4)), ("a1", "99", at(4), None)]
    undo(herd.db, done.operation_id, BY)
    assert (believed(herd), herd.query(bore)) == (before, roster)


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (lambda db, t: correct(db, [t], "nobody", BY), "no animal 'nobody'"),
        (lambda db, t: correct(db, ["t999"], "a1", BY), "no tracklet t999"),
        (lambda db, t: correct(db, [], "a1", BY), "no tracklet is named"),
        (lambda db, t: merge(db, "a1", "a1", BY), "one animal already"),
        (lambda db, t: merge(db, "a1", "a2", BY, since=at(4), until=at(3)), "ends before it begins"),
        (lambda db, t: split(db, "a1", None, BY), "where to split"),
        (lambda db, t: split(db, "a4", None, BY, since=at(0)), "a4 is not claimed"),
        (lambda db, t: correct(db, [t], "far", BY), "far was not in pen p1"),
    ],
)
def test_what_cannot_be_is_refused_by_name(herd: Herd, work: Callable[[Any, str], Done], said: str) -> None:
    herd.insert("roster.animal", {"animal_id": "far", "farm_id": "f1", "species": "pig"} | VERSION)
    t = herd.tracklet(1, 2, animal="a1")
    with pytest.raises(HerdbookError, match=said):
        work(herd.db, t)


def test_merging_round_in_a_circle_is_refused(herd: Herd) -> None:
    merge(herd.db, "a1", "a2", BY)
    merge(herd.db, "a2", "a3", BY)
    with pytest.raises(InputError, match="one animal already"):
        merge(herd.db, "a3", "a1", BY)


def test_every_view_can_be_read_as_known_on_a_date(herd: Herd) -> None:
    t = herd.tracklet(1, 2, animal="a1")
    herd.bout(t, 1, 2, "lying")
    day = "SELECT animal_id, lying_s FROM {}animal_day WHERE identified_s > 0 ORDER BY ALL"
    correct(herd.db, [t], "a2", BY)
    assert herd.query(day.format("")) == herd.query(day.format("known.")) == [("a2", 3600.0)]
    herd.db.execute("SET VARIABLE known_as_of = DATE '2026-06-01'")
    try:
        assert herd.query(day.format("known.")) == [("a1", 3600.0)]
        assert herd.query(day.format("")) == [("a2", 3600.0)]
        herd.db.execute(f"SET VARIABLE known_as_of = DATE '{DAY}'")
        assert herd.query(day.format("known.")) == [], "the day was not loaded yet"
    finally:
        herd.db.execute("RESET VARIABLE known_as_of")


# -- whatever is done, in whatever order ------------------------------------------------------------------------------

SPANS = [(n * 0.5, n * 0.5 + length) for n, length in enumerate((1.5, 0.8, 2.0, 0.4, 1.2, 0.9, 3.0, 0.6))]
which = st.integers(0, len(SPANS) - 1)
who = st.sampled_from(ANIMALS)
hour = st.none() | st.integers(0, 6)


def _interval(since: int | None, until: int | None) -> dict[str, datetime | None]:
    return {"since": None if since is None else at(since), "until": None if until is None else at(until)}


step = st.one_of(
    st.builds(lambda t, a: lambda db, ts: correct(db, [ts[t]], a, BY), which, who | st.none()),
    st.builds(lambda t, a: lambda db, ts: reject(db, ts[t], a, BY), which, who),
    st.builds(
        lambda a, b, s, u, force: lambda db, ts: merge(db, a, b, BY, despite_overlap=force, **_interval(s, u)),
        who, who, hour, hour, st.booleans(),
    ),
    st.builds(lambda a, b, s: lambda db, ts: split(db, a, b, BY, **_interval(s, None)), who, who | st.none(), hour),
    st.builds(lambda n: lambda db, ts: undo(db, log(db, last=99)[n]["operation_id"], BY), st.integers(0, 3)),
)  # fmt: skip
claims = st.lists(st.tuples(who | st.none(), st.sampled_from([0.3, 0.7, 0.9])), min_size=8, max_size=8)


def consistent(herd: Herd) -> None:
    """One animal at most per tracklet, and none on two tracklets of the camera at once."""
    assert herd.query("SELECT tracklet_id FROM identity GROUP BY ALL HAVING count(*) > 1") == []
    overlapping = herd.query(
        "SELECT a.tracklet_id, b.tracklet_id FROM (FROM identity JOIN tracklet USING (load_id, tracklet_id)) AS a "
        "JOIN (FROM identity JOIN tracklet USING (load_id, tracklet_id)) AS b ON a.animal_id = b.animal_id "
        "AND a.tracklet_id < b.tracklet_id "
        "AND least(a.ended_at, b.ended_at) > greatest(a.started_at, b.started_at) + INTERVAL 500 MILLISECOND"
    )
    assert overlapping == []


@pytest.mark.slow
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(claimed=claims, steps=st.lists(step, min_size=1, max_size=5))
def test_whatever_is_done_the_past_stays_and_undo_gives_back(
    claimed: list[tuple[str | None, float]], steps: list[Callable[[Any, list[str]], Done]]
) -> None:
    with Herd() as herd:
        populated(herd)
        tracklets, taken = [], []
        for (start, end), (drawn, sure) in zip(SPANS, claimed, strict=True):
            busy = {a for s, e, a in taken if s < end and e > start}
            animal = None if drawn in busy else drawn
            taken.append((start, end, animal))
            tracklets.append(herd.tracklet(start, end, animal=animal, confidence=sure))
        history = []
        for number, work in enumerate([*steps, partial(_undo_last)]):
            before = believed(herd)
            history.append((_clock(herd), before))
            herd.db.execute(f"CREATE TEMP TABLE kept{number} AS FROM identity.decision")
            try:
                done = work(herd.db, tracklets)
            except (HerdbookError, IndexError):
                # what a transaction's rollback does
                herd.db.execute("DELETE FROM identity.operation WHERE recorded_at > ?", [history[-1][0]])
                herd.db.execute("DELETE FROM identity.decision WHERE recorded_at > ?", [history[-1][0]])
                assert believed(herd) == before
                continue
            consistent(herd)
            assert all(believed(herd, then) == rows for then, rows in history), "the past as it was known changed"
            if done.kind != "undo":
                undone = undo(herd.db, done.operation_id, BY)
                assert believed(herd) == before
                herd.db.execute("DELETE FROM identity.operation WHERE operation_id = ?", [undone.operation_id])


def _undo_last(db: Any, _: list[str]) -> Done:
    return undo(db, "last", BY)


def _clock(herd: Herd) -> datetime:
    """A moment after all that is recorded, before what comes next."""
    [[last]] = herd.query("SELECT max(recorded_at) FROM identity.operation")
    return max(datetime.now(UTC), last or LONG_AGO) + timedelta(0)
