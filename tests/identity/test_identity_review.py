"""The review queue, and matching that heeds what people said."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from herdbook.errors import IdentityConflictError, InputError, NotUndoableError
from herdbook.identity.byhand import correct, merge, reject, skip
from herdbook.identity.enrolment import enrol, unenrol
from herdbook.identity.match import claim_device_day, loads_of
from herdbook.identity.operations import carry_out
from herdbook.identity.page import review_page
from herdbook.identity.pending import unmatched_loads
from herdbook.identity.queue import Candidate, Question, questions
from herdbook.identity.undo import undo
from herdbook.identity.words import Word
from herdbook.settings import Settings, get_settings
from support.command_line import in_process
from support.queries import lake_rows

BY = Word("a tester")


def tracklet(animal: int, number: int) -> str:
    """The id of an animal's n-th tracklet, as `support.device_day` names it."""
    return f"barn-a-1:2026-03-02:cam:{animal * 5 + number:06d}"


def claims(settings: Settings) -> dict[str, str | None]:
    """Whose each tracklet is."""
    return dict(lake_rows(settings, "SELECT tracklet_id, animal_id FROM identity"))


def claim(settings: Settings) -> None:
    """Match the one loaded day."""
    [load_id] = loads_of(settings)
    claim_device_day(settings, load_id)


def test_what_matching_left_open_is_asked_with_the_likeliest_animal_first(all_enrolled: Settings) -> None:
    unenrol(all_enrolled, "P3")
    claim(all_enrolled)
    asked = questions(all_enrolled, loads_of(all_enrolled), limit=50)
    abstained = {t for t, animal in claims(all_enrolled).items() if animal is None}
    assert abstained == {q.tracklet_id for q in asked if q.why == "abstained"}
    for question in asked:
        chances = [c.probability for c in question.candidates]
        assert chances == sorted(chances, reverse=True)
        assert {c.animal_id for c in question.candidates} <= {"P0", "P1", "P2"}, "P3 is not enrolled any more"
        assert all(c.reference for c in question.candidates), "there is something to look at beside"


def test_what_is_decided_or_skipped_is_not_asked_again(all_enrolled: Settings) -> None:
    unenrol(all_enrolled, "P3")
    claim(all_enrolled)
    first, second, *_ = (q.tracklet_id for q in questions(all_enrolled, loads_of(all_enrolled), limit=50))
    carry_out(all_enrolled, lambda lake: correct(lake, [first], None, BY))
    carry_out(all_enrolled, lambda lake: skip(lake, second, BY))
    left = {q.tracklet_id for q in questions(all_enrolled, loads_of(all_enrolled), limit=50)}
    assert not {first, second} & left
    carry_out(all_enrolled, lambda lake: undo(lake, "last", BY))
    assert second in {q.tracklet_id for q in questions(all_enrolled, loads_of(all_enrolled), limit=50)}


def test_matching_again_keeps_to_what_was_said(all_enrolled: Settings) -> None:
    claim(all_enrolled)
    before = claims(all_enrolled)
    mine, theirs = tracklet(1, 2), tracklet(2, 3)
    done = carry_out(all_enrolled, lambda lake: correct(lake, [mine], "P3", BY))
    carry_out(all_enrolled, lambda lake: reject(lake, theirs, "P2", BY))
    assert len(unmatched_loads(all_enrolled)) == 1, "it wants to be matched again"
    claim(all_enrolled)
    assert unmatched_loads(all_enrolled) == []
    now = claims(all_enrolled)
    assert (now[mine], now[theirs] == "P2") == ("P3", False)
    for aside in done.set_aside:
        assert now[aside] != "P3"
    carry_out(all_enrolled, lambda lake: undo(lake, "last", BY))
    carry_out(all_enrolled, lambda lake: undo(lake, done.operation_id, BY))
    claim(all_enrolled)
    assert claims(all_enrolled) == before


def test_a_merged_animals_looks_speak_for_the_other(all_enrolled: Settings) -> None:
    claim(all_enrolled)
    with pytest.raises(IdentityConflictError, match="two animals"):
        carry_out(all_enrolled, lambda lake: merge(lake, "P1", "P0", BY))
    unenrol(all_enrolled, "P0")
    claim(all_enrolled)
    carry_out(all_enrolled, partial(merge, other="P1", into="P0", word=BY))
    claim(all_enrolled)
    found = claims(all_enrolled)
    assert {found[tracklet(1, n)] for n in range(5)} == {"P0"}


def test_a_persons_word_is_not_enrolled_away(loaded: Settings) -> None:
    claim(loaded)
    carry_out(loaded, lambda lake: correct(lake, [tracklet(0, 0)], "P1", BY))
    with pytest.raises(IdentityConflictError, match="is P1 by a person's word"):
        enrol(loaded, "P0", [tracklet(0, 0)])
    enrol(loaded, "P1", [tracklet(0, 0)])
    with pytest.raises(InputError, match="is enrolled as P1"):
        carry_out(loaded, lambda lake: correct(lake, [tracklet(0, 0)], "P2", BY))


def test_on_the_command_line(
    all_enrolled: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("HERDBOOK_HOME", str(all_enrolled.home))
    get_settings.cache_clear()
    herdbook = in_process(monkeypatch, capsys, "identity")
    unenrol(all_enrolled, "P3")
    claim(all_enrolled)
    first = json.loads(herdbook("review", "--json")[1])[0]["tracklet_id"]
    page = tmp_path / "review.html"
    assert herdbook("review", "--html", page)[0] == 0
    assert f"herdbook identity review --decide {first}=" in page.read_text(encoding="utf-8")
    assert herdbook("review", "--decide", f"{first}=P3", "--by", "ann", "--reason", "the ear")[0] == 0
    assert claims(all_enrolled)[first] == "P3"
    [said] = json.loads(herdbook("log", "--json")[1])
    assert (said["kind"], said["recorded_by"], said["reason"], said["holds"]) == ("accept", "ann", "the ear", True)
    assert herdbook("undo", "last")[0] == 0
    assert claims(all_enrolled)[first] is None
    assert herdbook("undo", said["operation_id"])[0] == NotUndoableError.exit_code
    assert herdbook("review", "--decide", first)[0] == InputError.exit_code


def test_a_page_escapes_what_it_shows_and_shows_pictures_side_by_side() -> None:
    moment = datetime(2026, 3, 2, tzinfo=UTC)
    question = Question(
        "l", "t<1>", "<cam>", "pen'", moment, moment, "<b>", 0.4, "abstained", (Candidate("P'0", 0.5, "ref"),)
    )  # fmt: skip
    page = review_page([question], {"t<1>": [b"png"], "ref": [b"png", b"png"]})
    assert page.count("data:image/png;base64,") == 3
    assert "<cam>" not in page
    assert "<b>" not in page
    assert "Nothing is in doubt" in review_page([], {})
