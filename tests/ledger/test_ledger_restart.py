"""A ledger whose server restarts: the next session waits for it, the one under way says what happened."""

from __future__ import annotations

import threading
import time
from datetime import date
from pathlib import Path

import pytest

from herdbook.errors import DatabaseAwayError
from herdbook.ledger.days import set_day
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import DayState, Device, DeviceDay
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.postgres import Cluster

DEVICE = {"device_id": "barn-a-1", "farm_id": "f", "url": "http://d", "timezone": "UTC"}


@pytest.mark.slow
def test_a_server_that_restarts_is_waited_for(own_cluster: Cluster, tmp_path: Path) -> None:
    target = dict(part.split("=") for part in own_cluster.new_database().split())
    url = f"postgresql+psycopg2:///{target['dbname']}?host={target['host']}&user=postgres"
    settings = Settings(home=tmp_path, ledger_url=url, database_wait_s=120)
    upgrade(settings)
    with ledger_session(settings) as session:
        session.add(Device(**DEVICE))

    def land_and_crash() -> None:
        with ledger_session(settings) as session:
            set_day(session, ("barn-a-1", date(2026, 3, 2), 1), sha256="0" * 64, final=True, state=DayState.LANDED)
            own_cluster.stop("immediate")

    with pytest.raises(DatabaseAwayError, match="cannot be used"):
        land_and_crash()
    with pytest.raises(DatabaseAwayError), ledger_session(settings.model_copy(update={"database_wait_s": 0.2})):
        pass

    def come_back() -> None:
        time.sleep(1.5)
        own_cluster.start()

    returning = threading.Thread(target=come_back)
    returning.start()
    with ledger_session(settings) as session:
        assert session.query(Device).count() == 1
        assert session.query(DeviceDay).count() == 0, "half a transaction is none"
    returning.join()
