"""A server of farm records is followed page by page; nothing is lost or doubled, whatever goes wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from herdbook.errors import (
    ConfigurationError,
    LabelServerError,
    LabelServerProtocolError,
    LabelServerRefusedError,
    NotFoundError,
    StorageError,
)
from herdbook.labels.icar import importer, sync
from herdbook.labels.icar.server import PAUSES_S, ChangesServer
from herdbook.settings import Settings
from support.icar_server import SECRET, Fault, IcarServer, serving
from support.queries import lake_rows

MAPPING = {"source": "mro", "farm": "hill", "timezone": "Europe/London", "schemes": {"uk.tag": "management"}}


def weight(name: str, kg: float, tag: str = "101", **meta: Any) -> dict[str, Any]:
    return {
        "resourceType": "icarWeightEventResource",
        "meta": {"source": "mro.example", "sourceId": name, "modified": "2024-05-04T10:00:00Z", **meta},
        "eventDateTime": "2024-05-03T10:00:00Z",
        "animal": {"scheme": "uk.tag", "id": tag},
        "weight": {"measurement": kg, "units": "KGM"},
    }


PAGES = [[weight("1", 80), weight("2", 90, "102")], [weight("1", 81)], [weight("2", 0, "102", isDeleted=True)]]
HELD = "SELECT source_id, value_number FROM label_current ORDER BY ALL"


@pytest.fixture
def server(herd: Settings) -> Iterator[IcarServer]:
    with serving(IcarServer([*PAGES])) as running:
        for folder in (herd.sync, herd.secrets / "sync"):
            folder.mkdir(parents=True)
        (herd.sync / "mro.yaml").write_text(yaml.safe_dump({"url": running.url, "mapping": MAPPING}), encoding="utf-8")
        (herd.secrets / "sync" / "mro.token").write_text(f"{SECRET}\n", encoding="ascii")
        yield running


def tokens(settings: Settings) -> list[str]:
    return [token for (token,) in lake_rows(settings, "SELECT token FROM label.sync ORDER BY synced_at")]


def test_pages_are_taken_over_in_order_and_the_next_time_goes_on_behind_the_last(
    herd: Settings, server: IcarServer
) -> None:
    done = sync.sync(herd, "mro")
    assert (done.pages, done.added, done.changed, done.retracted, done.quarantined) == (3, 2, 1, 1, 0)
    assert lake_rows(herd, HELD) == [("mro.example:WeightEvent:1/weight", 81.0)]
    assert tokens(herd) == ["1", "2", "3"]
    server.asked.clear()
    assert sync.sync(herd, "mro").pages == 0
    assert server.asked == ["3"]
    server.pages.append([weight("3", 70)])
    assert sync.sync(herd, "mro").added == 1


def test_a_busy_or_failing_server_is_asked_again_after_the_wait_that_it_names(
    herd: Settings, server: IcarServer
) -> None:
    server.faults = {
        "": [Fault(429, {"Retry-After": "7"}), Fault(503)],
        "1": [Fault(500), Fault(cut_after=30), Fault(503, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"})],
    }
    waits: list[float] = []
    done = sync.sync(herd, "mro", sleep=waits.append)
    assert (done.pages, done.added) == (3, 2)
    assert waits == [7, PAUSES_S[1], PAUSES_S[0], PAUSES_S[1], 0]


@pytest.mark.parametrize("broken", [
    Fault(503),
    Fault(429, {"Retry-After": "86400"}),
    Fault(cut_after=40),
    Fault(body=b'[{"id": "@context"}, {"resourceType": "WeightEv'),
    Fault(body=b'[{"id": "@context"}]'),
    Fault(status=302, headers={"Location": "http://127.0.0.1:1/"}),
])  # fmt: skip
def test_a_page_that_fails_half_way_leaves_what_was_there_and_the_token_before_it(
    herd: Settings, server: IcarServer, broken: Fault
) -> None:
    server.faults = {"1": [broken] * 9}
    with pytest.raises(LabelServerError):
        sync.sync(herd, "mro", sleep=lambda _: None)
    assert tokens(herd) == ["1"]
    assert [kg for _, kg in lake_rows(herd, HELD)] == [80, 90]
    server.faults = {}
    server.asked.clear()
    assert sync.sync(herd, "mro").pages == 2
    assert server.asked[0] == "1"
    assert lake_rows(
        herd, "SELECT count(*), count(DISTINCT (source_id, value_number, retracted)) FROM label.label"
    ) == [(4, 4)]


def test_a_crash_between_facts_and_token_leaves_neither(
    herd: Settings, server: IcarServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = importer._import

    def dies(*given: Any) -> Any:
        whole(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(importer, "_import", dies)
    with pytest.raises(KeyboardInterrupt):
        sync.sync(herd, "mro")
    assert lake_rows(herd, "SELECT (SELECT count(*) FROM label.label), (SELECT count(*) FROM label.message)") == [
        (0, 0)
    ]
    assert tokens(herd) == []


def test_a_server_that_loaded_its_data_anew_is_read_from_the_beginning_and_what_it_lost_is_retracted(
    herd: Settings, server: IcarServer
) -> None:
    server.pages = [[weight("1", 80), weight("2", 90, "102")]]
    sync.sync(herd, "mro")
    server.pages, server.reload = [[weight("1", 80)], [weight("3", 70)]], True
    server.faults = {"1": [Fault(headers={"icar-full-sync": "true"}, body=b'[{"id":"@continuation","token":"1"}]')]}
    done = sync.sync(herd, "mro")
    assert (done.full, done.pages, done.added, done.retracted, done.deleted) == (True, 1, 1, 1, 1)
    assert [kg for _, kg in lake_rows(herd, HELD)] == [80, 70]
    assert tokens(herd)[-1] == "2"


def test_until_everything_is_read_anew_what_was_known_holds(herd: Settings, server: IcarServer) -> None:
    server.pages = [[weight("1", 80), weight("2", 90, "102")]]
    sync.sync(herd, "mro")
    server.pages, server.reload = [[weight("1", 80)], [weight("3", 70)]], True
    server.faults = {"2": [Fault(500)] * 9}
    with pytest.raises(LabelServerError):
        sync.sync(herd, "mro", sleep=lambda _: None)
    assert [kg for _, kg in lake_rows(herd, HELD)] == [80, 90]
    assert tokens(herd) == ["1"]


def test_facts_of_animals_that_join_the_roster_later_are_made_of_the_messages_that_were_kept(
    herd: Settings, server: IcarServer, tmp_path: Any
) -> None:
    from herdbook.roster.importer import import_roster

    server.pages = [[weight("9", 55, "777")]]
    assert (sync.sync(herd, "mro").quarantined, lake_rows(herd, HELD)) == (1, [])
    (tmp_path / "identifiers.csv").write_text(
        "animal_id,farm_id,scheme,identifier,valid_from\nA1,hill,management,777,2024-01-01\n", encoding="utf-8"
    )
    import_roster(herd, tmp_path)
    again = sync.again(herd, "mro")
    assert (again.added, again.messages, again.quarantined) == (1, 0, 0)


def test_only_one_process_follows_a_server_at_a_time(
    herd: Settings, server: IcarServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ChangesServer.page

    def meanwhile(self: ChangesServer, since: str | None) -> Any:
        page = real(self, since)
        monkeypatch.setattr(ChangesServer, "page", real)
        sync.sync(herd, "mro")
        return page

    monkeypatch.setattr(ChangesServer, "page", meanwhile)
    with pytest.raises(StorageError, match="another process follows 'mro'"):
        sync.sync(herd, "mro")
    assert tokens(herd) == ["1", "2", "3"]


def test_what_is_missing_or_wrong_is_said(herd: Settings, server: IcarServer) -> None:
    with pytest.raises(NotFoundError, match="there is no server 'vet'"):
        sync.sync(herd, "vet")
    (herd.secrets / "sync" / "mro.token").write_text("another-token", encoding="ascii")
    with pytest.raises(LabelServerRefusedError, match="refuses our token") as refused:
        sync.sync(herd, "mro")
    assert "another-token" not in str(refused.value)
    (herd.secrets / "sync" / "mro.token").unlink()
    with pytest.raises(LabelServerRefusedError, match="no readable token"):
        sync.sync(herd, "mro")
    open_air = {"url": "http://mro.example/changes", "mapping": MAPPING}
    (herd.sync / "vet.yaml").write_text(yaml.safe_dump(open_air), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="would travel in the open"):
        sync.sync(herd, "vet")
    server.faults = {"": [Fault(body=b'[{"resourceType": "Weight"}]')]}
    (herd.secrets / "sync" / "mro.token").write_text(SECRET, encoding="ascii")
    with pytest.raises(LabelServerProtocolError, match="ends without a continuation token"):
        sync.sync(herd, "mro")
