"""What is kept and what goes: raw deliveries after their days, and nothing that still waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from service.db.models import DeliveryRow
from service.usecases import keeping
from service.usecases.keeping import purge
from tests.support.office import Office, office

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.fixture
def desk() -> Iterator[Office]:
    desk = office(keep_deliveries_days=7)
    desk.archive()
    yield desk
    desk.close()


def put(desk: Office, state: str, days: float, count: int = 1) -> None:
    at = NOW - timedelta(days=days)
    rows = [
        {
            "connection_id": 1,
            "source": "import",
            "key": f"{state}-{days}-{n}",
            "kind": "line",
            "digest": "d",
            "body": b"{}",
            "state": state,
            "attempt": 0,
            "due_at": at,
            "error": "",
            "received_at": at,
        }
        for n in range(count)
    ]
    with desk.deps.store.write() as session:
        session.execute(insert(DeliveryRow), rows)


@pytest.mark.parametrize(
    ("state", "days", "goes"),
    [
        ("pending", 400, False),
        ("claimed", 400, False),
        ("dead", 29.9, False),
        ("dead", 30.1, True),
        ("done", 6.9, False),
        ("done", 7.1, True),
    ],
)
def test_only_what_was_read_or_given_up_goes_after_its_days(desk: Office, state: str, days: float, goes: bool) -> None:
    put(desk, state, days)
    assert purge(desk.at(NOW)) == int(goes)
    assert len(desk.rows(DeliveryRow)) == int(not goes)


def test_a_large_heap_goes_in_blocks_and_a_second_purge_finds_nothing(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_BLOCK", 10)
    put(desk, "done", 8, count=35)
    put(desk, "done", 1, count=5)
    assert purge(desk.at(NOW)) == 35
    assert purge(desk.at(NOW)) == 0
    assert len(desk.rows(DeliveryRow)) == 5
