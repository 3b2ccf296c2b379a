"""Champions come and go one decision at a time, whatever is killed in between."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from registry_cases import digest_of, kept, registered

from herdbook.contracts.digest import sha256_of
from herdbook.errors import InputError, NotFoundError, PromotionRefusedError, RegistryError
from herdbook.learning.registry import promotion
from herdbook.learning.registry.contest import hold
from herdbook.learning.registry.evidence import CONFUSION, attach_evaluation
from herdbook.learning.registry.gates import Verdict, load_gates
from herdbook.learning.registry.models import CHAMPION, find, move_champion
from herdbook.learning.registry.promotion import Outcome, already, demote, promote
from herdbook.learning.registry.tracking import found_run
from herdbook.ledger.promotions import history
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.command_line import in_process

MODEL = "herdbook-compact"
PASSED = Verdict(model=MODEL, passed=True, checks=())
REFUSED = Verdict(model=MODEL, passed=False, checks=())


class Killed(BaseException):
    """As if the process ended here."""


@pytest.fixture(scope="module")
def with_versions(make_registry: Callable[[], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Three versions, no champion."""
    settings = make_registry()
    for name in ("one", "two", "three"):
        registered(settings, tmp_path_factory.mktemp(name), name)
    return settings


@pytest.fixture
def settings(with_versions: Settings, tmp_path: Path) -> Settings:
    """The same, with a ledger of the test's own."""
    if find(with_versions, MODEL, CHAMPION) is not None:
        move_champion(with_versions, MODEL, None)
    from herdbook.ledger.migrate import upgrade

    own = with_versions.model_copy(update={"ledger_url": f"sqlite:///{tmp_path / 'ledger.sqlite'}"})
    upgrade(own)
    return own


def make(settings: Settings, number: int, verdict: Verdict = PASSED) -> Outcome:
    return promote(settings, MODEL, number, verdict=verdict, evidence_sha256="e" * 64, by="test", reason="because")


def champion(settings: Settings) -> int | None:
    found = find(settings, MODEL, CHAMPION)
    return None if found is None else found.number


def decisions(settings: Settings) -> list[tuple[str, int | None, int | None]]:
    with ledger_session(settings) as session:
        return [(d.action.value, d.from_version, d.to_version) for d in history(session, MODEL)]


def test_a_promotion_is_written_down_and_the_alias_moves(settings: Settings) -> None:
    assert make(settings, 1).state == "done"
    assert make(settings, 2).from_version == 1
    assert champion(settings) == 2
    assert decisions(settings) == [("promote", None, 1), ("promote", 1, 2)]
    with ledger_session(settings) as session:
        last = history(session, MODEL)[-1]
    assert (last.decided_by, last.reason, last.evidence_sha256) == ("test", "because", "e" * 64)
    assert Verdict.model_validate_json(last.verdict or "") == PASSED


def test_promoting_the_champion_changes_nothing(settings: Settings) -> None:
    make(settings, 1)
    assert make(settings, 1).state == "unchanged"
    assert len(decisions(settings)) == 1


def test_demotion_goes_back_one_by_one_to_none(settings: Settings) -> None:
    for number in (1, 2, 3):
        make(settings, number)
    assert [demote(settings, MODEL, by="test").to_version for _ in range(3)] == [2, 1, None]
    assert champion(settings) is None
    with pytest.raises(PromotionRefusedError, match="no champion to demote"):
        demote(settings, MODEL, by="test")
    assert make(settings, 3).from_version is None


def test_what_does_not_pass_changes_nothing(settings: Settings) -> None:
    make(settings, 1)
    with pytest.raises(PromotionRefusedError):
        make(settings, 2, REFUSED)
    assert (champion(settings), len(decisions(settings))) == (1, 1)


def test_a_version_that_is_not_there_is_not_written_down(settings: Settings) -> None:
    with pytest.raises(NotFoundError):
        make(settings, 99)
    assert decisions(settings) == []


# -- killed between the decision and the alias ------------------------------------------------------------------------


@pytest.fixture
def killed_at_the_alias(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on moving the alias kills; what is returned lets it move again."""

    def kill(*_: object) -> None:
        raise Killed

    real = promotion.move_champion
    monkeypatch.setattr(promotion, "move_champion", kill)
    return lambda: monkeypatch.setattr(promotion, "move_champion", real)


@pytest.fixture
def two_champions(settings: Settings) -> Settings:
    make(settings, 1)
    make(settings, 2)
    return settings


def test_the_same_promotion_again_finishes_it(two_champions: Settings, killed_at_the_alias: Callable[[], None]) -> None:
    with pytest.raises(Killed):
        make(two_champions, 3)
    assert champion(two_champions) == 2
    killed_at_the_alias()
    assert make(two_champions, 3).state == "completed"
    assert champion(two_champions) == 3
    assert len(decisions(two_champions)) == 3
    assert make(two_champions, 3).state == "unchanged"


def test_the_same_demotion_again_does_not_demote_twice(
    two_champions: Settings, killed_at_the_alias: Callable[[], None]
) -> None:
    with pytest.raises(Killed):
        demote(two_champions, MODEL, by="test")
    killed_at_the_alias()
    assert demote(two_champions, MODEL, by="test").state == "completed"
    assert champion(two_champions) == 1
    assert decisions(two_champions)[-1] == ("demote", 2, 1)
    assert len(decisions(two_champions)) == 3


def test_another_decision_finishes_the_one_before_first(
    two_champions: Settings, killed_at_the_alias: Callable[[], None]
) -> None:
    with pytest.raises(Killed):
        make(two_champions, 3)
    killed_at_the_alias()
    assert demote(two_champions, MODEL, by="test").to_version == 2
    assert champion(two_champions) == 2
    assert decisions(two_champions)[2:] == [("promote", 2, 3), ("demote", 3, 2)]


def test_a_pending_promotion_needs_no_second_judgement(
    two_champions: Settings, killed_at_the_alias: Callable[[], None]
) -> None:
    assert already(two_champions, MODEL, 3) is None
    with pytest.raises(Killed):
        make(two_champions, 3)
    killed_at_the_alias()
    found = already(two_champions, MODEL, "challenger")
    assert found is not None
    assert (found.state, champion(two_champions)) == ("completed", 3)


def test_a_ledger_that_refuses_leaves_the_alias(two_champions: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(promotion, "reign", refuse)
    with pytest.raises(Killed):
        make(two_champions, 3)
    assert champion(two_champions) == 2


def test_an_alias_moved_by_hand_is_not_overruled(two_champions: Settings) -> None:
    move_champion(two_champions, MODEL, 3)
    with pytest.raises(RegistryError, match="champion is 3, the ledger's is 2") as caught:
        demote(two_champions, MODEL, by="test")
    assert "by hand" in caught.value.remedy
    assert champion(two_champions) == 3


@pytest.mark.slow
def test_a_process_killed_for_real_is_finished_by_the_next(two_champions: Settings) -> None:
    code = (
        "import os, sys\n"
        "from herdbook.learning.registry import promotion\n"
        "from herdbook.learning.registry.gates import Verdict\n"
        "from herdbook.settings import Settings\n"
        "promotion.move_champion = lambda *a: os.kill(os.getpid(), 9)\n"
        "s = Settings.model_validate_json(sys.argv[1])\n"
        f"v = Verdict(model='{MODEL}', passed=True, checks=())\n"
        f"promotion.promote(s, '{MODEL}', 3, verdict=v, evidence_sha256='e' * 64, by='t')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, two_champions.model_dump_json()], check=False)
    assert done.returncode == -9
    assert (champion(two_champions), len(decisions(two_champions))) == (2, 3)
    assert make(two_champions, 3).state == "completed"


# -- from evaluations to a decision -----------------------------------------------------------------------------------


def test_the_first_champion_is_held_against_motion_then_each_against_the_last(
    settings: Settings, tmp_path: Path
) -> None:
    gates = load_gates()
    motion = kept(tmp_path, "motion", skill=0.7, seed=9)
    one = kept(tmp_path, "one", engine="compact", skill=0.85, digest=digest_of("one"), seed=2)
    two = kept(tmp_path, "two", engine="compact", skill=0.9, digest=digest_of("two"), seed=3)
    first = hold(settings, MODEL, 1, gates, report=one, against=motion)
    assert first.verdict.passed, first.verdict.failed
    assert first.evidence_sha256 == sha256_of(one)
    with pytest.raises(InputError, match="no champion to be compared with"):
        hold(settings, MODEL, 1, gates, report=one)
    make(settings, 1, first.verdict)
    version = find(settings, MODEL, 1)
    assert version is not None
    attach_evaluation(settings, version, one)
    client, run = found_run(settings, version.run_id)
    (place,) = (f.path for f in client.list_artifacts(version.run_id, "evaluations"))
    names = {Path(f.path).name for f in client.list_artifacts(version.run_id, place)}
    assert names == {"one.json", "evaluation.md", CONFUSION}
    assert run.data.metrics["evaluation/recall"] == pytest.approx(0.85, abs=0.02)
    with pytest.raises(InputError, match="not an evaluation of herdbook-compact version 1"):
        attach_evaluation(settings, version, two)
    second = hold(settings, MODEL, 2, gates, report=two)
    assert second.champion is not None
    assert second.champion.number == 1
    assert second.verdict.passed, second.verdict.failed
    with pytest.raises(InputError, match="not an evaluation of herdbook-compact version 2"):
        hold(settings, MODEL, 2, gates, report=one)
    with pytest.raises(InputError, match="not an evaluation of herdbook-compact version 1"):
        hold(settings, MODEL, 2, gates, report=two, against=motion)
    with pytest.raises(NotFoundError, match="version 3 has no evaluation"):
        hold(settings, MODEL, 3, gates)


# -- the command line -------------------------------------------------------------------------------------------------


@pytest.fixture
def command(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command; exit code, stdout, stderr."""
    monkeypatch.setattr("herdbook.settings.get_settings", lambda: settings)

    return in_process(monkeypatch, capsys)


def test_promote_and_demote_from_the_command_line(
    command: Callable[..., tuple[int, str, str]], settings: Settings, tmp_path: Path
) -> None:
    motion = str(kept(tmp_path, "motion", skill=0.7, seed=9))
    good = str(kept(tmp_path, "good", engine="compact", skill=0.9, digest=digest_of("three"), seed=2))
    told = ("promote", MODEL, "--report", good, "--against", motion, "--json")
    code, out, _ = command(*told, "--dry-run")
    assert (code, json.loads(out)["verdict"]["passed"], champion(settings)) == (0, True, None)
    code, out, _ = command(*told, "--by", "ada")
    assert (code, json.loads(out)["outcome"]["to_version"], champion(settings)) == (0, 3, 3)
    code, out, _ = command(*told)
    assert (code, json.loads(out)["state"]) == (0, "unchanged")
    code, out, _ = command("demote", MODEL, "--reason", "lame pigs unseen", "--json")
    assert (code, json.loads(out)["to_version"], champion(settings)) == (0, None, None)


def test_a_refusal_shows_every_gate_and_ends_with_its_code(
    command: Callable[..., tuple[int, str, str]], settings: Settings, tmp_path: Path
) -> None:
    motion = str(kept(tmp_path, "motion", skill=0.9, seed=9))
    bad = str(kept(tmp_path, "bad", engine="compact", skill=0.8, digest=digest_of("three"), seed=2))
    code, out, err = command("promote", MODEL, "--report", bad, "--against", motion)
    assert code == 70
    assert "FAILED" in out
    assert "mota" in out
    assert "does not pass" in err
    assert "champion keeps its alias" in err.replace("\n", " ")
    assert champion(settings) is None
    assert decisions(settings) == []
