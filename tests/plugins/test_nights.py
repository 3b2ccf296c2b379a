"""Which day a run is about."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from herdbook.settings import get_settings


def run(start: datetime | None = None, run_after: datetime = datetime(2026, 3, 5, 12, tzinfo=UTC)) -> SimpleNamespace:
    return SimpleNamespace(data_interval_start=start, run_after=run_after)


@pytest.fixture(autouse=True)
def _airflow_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))


def test_a_night_is_about_the_day_its_interval_starts_on() -> None:
    from herdbook_airflow.nights import last_day

    assert last_day(run(datetime(2026, 3, 2, 1, tzinfo=UTC)), {}) == "2026-03-02"


def test_the_day_is_the_farms(monkeypatch: pytest.MonkeyPatch) -> None:
    from herdbook_airflow.nights import last_day

    monkeypatch.setenv("HERDBOOK_NIGHT_TIMEZONE", "Pacific/Auckland")
    get_settings.cache_clear()
    assert last_day(run(datetime(2026, 3, 1, 12, tzinfo=UTC)), {}) == "2026-03-02"


def test_a_run_without_interval_is_about_yesterday() -> None:
    from herdbook_airflow.nights import last_day

    assert last_day(run(), {}) == "2026-03-04"


def test_a_person_may_name_the_day() -> None:
    from herdbook_airflow.nights import last_day

    assert last_day(run(datetime(2026, 3, 2, 1, tzinfo=UTC)), {"until": "2026-02-01"}) == "2026-02-01"


def test_more_subjects_than_a_run_may_have_are_refused_before_any_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from herdbook_airflow.operators import spreadable

    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "2")
    subjects = [{"day": str(n)} for n in range(3)]
    assert spreadable(subjects[:2]) == subjects[:2]
    with pytest.raises(AirflowFailException, match="3 tasks are more than the 2"):
        spreadable(subjects)
