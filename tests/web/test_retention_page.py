"""How long words are kept: said to everybody, set by managers, who see first what would go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from service.db.models import AuditEntry
from service.deps import Deps
from service.usecases import keeping
from tests.web.desk import Said, Seeder, post


@pytest.mark.parametrize("role", ["analyst", "responder"])
def test_who_is_no_manager_sets_nothing(
    role: str, as_role: Callable[[str], FlaskClient], seed: Seeder, deps: Deps
) -> None:
    number, client = seed.connection(), as_role(role)
    assert client.get(f"/connections/{number}/retention").status_code == 403
    assert post(client, f"/connections/{number}/retention", days="1").status_code == 403
    assert "as long as this desk is" in client.get("/connections").text
    assert keeping.kept_days(deps) == {}


def test_a_manager_sees_what_would_go_before_it_goes(
    as_role: Callable[[str], FlaskClient], seed: Seeder, deps: Deps
) -> None:
    number, client = seed.connection(), as_role("manager")
    seed.thread(
        seed.community(number),
        [Said("Old words"), Said("More of them")],
        title="Old",
        case={"lane": "left", "state": "left", "open": False},
    )
    address = f"/connections/{number}/retention"
    assert "See what would go" in client.get(address).text
    assert "Nothing that is there now" in client.get(address, query_string={"days": "3650"}).text
    later = deps.now() + timedelta(days=400)
    assert keeping.past_days(replace(deps, now=lambda: later), number, 365) == 2
    post(client, address, days="365")
    assert keeping.kept_days(deps) == {number: 365}
    assert "for 365 days" in client.get("/connections").text
    post(client, address, days="")
    assert keeping.kept_days(deps) == {}
    with deps.store.read() as session:
        assert [e.kind for e in session.query(AuditEntry) if e.kind.startswith("ret")] == ["retention:set"] * 2


@pytest.mark.parametrize("days", ["0", "-3", "many", "3651", "9" * 40])
def test_days_that_cannot_be_are_refused(
    days: str, as_role: Callable[[str], FlaskClient], seed: Seeder, deps: Deps
) -> None:
    number, client = seed.connection(), as_role("manager")
    address = f"/connections/{number}/retention"
    assert "1 to 3650 days" in client.get(address, query_string={"days": days}).text
    post(client, address, days=days)
    assert keeping.kept_days(deps) == {}
