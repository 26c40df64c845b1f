"""What a connection's credential may not do on its server is refused beforehand, in words, and offered nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select

from moderation.errors import NotAllowed
from moderation.grants import Place
from moderation.model import ACTS, MODERATING, Capability
from moderation.policy import PEOPLE, Actor, Subject, authorize
from service.cli.grants import grants as command
from service.db.models import Action, AuditEntry, Connection
from service.deps import Deps
from service.usecases import accounts, grants, keeper, seconding
from service.usecases.clients import authenticate, create_client
from service.usecases.desk import check_now
from service.usecases.granted import grant
from service.usecases.moderating import act, take_back
from service.usecases.telling import carries
from tests.service.acting_support import answering
from tests.service.grants_support import Trust, trusted
from tests.service.test_moderating import hide, is_hidden

WORDS = "no right to “hide”. Only a moderator of the forum may do this: make the account one there"
ANSWERS = {"reply", "edit", "delete"}


@pytest.fixture
def trust(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trust]:
    with trusted(tmp_path_factory.mktemp("carried")) as found:
        yield found


def staff(trust: Trust, yes: bool) -> None:
    """Makes the account that we act with a member like any other on the forum, or its administrator again."""
    with trust.desk.box.world.lock:
        trust.desk.box.world.forum.users["brava"].admin = yes
    check_now(trust.deps, trust.desk.connection_id, "test")


def connection(deps: Deps, number: int) -> Connection:
    with deps.store.read() as session:
        return session.get_one(Connection, number)


def offered(trust: Trust) -> set[str]:
    desk = keeper.desk_of(trust.deps, trust.expert(), hide(trust).thread_id)
    return {str(one.kind) for one in desk.acts} if desk is not None else set()


def test_an_act_that_our_account_may_not_do_is_refused_in_words(trust: Trust) -> None:
    trust.active()
    staff(trust, False)
    for by in (trust.expert(), trust.manager):
        with pytest.raises(NotAllowed, match=WORDS):
            act(trust.deps, hide(trust), by)
    client = authenticate(trust.deps, create_client(trust.deps, "bot", {seconding.SCOPE}, "test"))
    assert client is not None
    with pytest.raises(NotAllowed, match=WORDS):
        seconding.propose(trust.deps, hide(trust), client)
    with trust.deps.store.read() as session:
        assert list(session.scalars(select(Action))) == []
        refused = session.scalars(select(AuditEntry).where(AuditEntry.kind == "act:refuse")).all()
    assert [WORDS in entry.reason for entry in refused] == [True, True]


def test_a_right_that_goes_meanwhile_ends_the_act_in_the_job(trust: Trust) -> None:
    trust.active()
    wish = hide(trust)
    action_id = act(trust.deps, wish, trust.expert())
    staff(trust, False)
    assert trust.desk.step(action_id) == "failed"
    assert WORDS in trust.desk.row(Action, id=action_id).error
    assert not is_hidden(trust, wish)


def test_only_what_is_possible_is_offered_and_all_of_it_again_with_the_right(trust: Trust) -> None:
    grant_id = trust.offered()
    assert grant(trust.deps, grant_id).obstacles == ()
    staff(trust, False)
    assert set(connection(trust.deps, trust.desk.connection_id).may or ()) == ANSWERS
    (staff_only,) = grant(trust.deps, grant_id).obstacles
    assert Capability.HIDE in staff_only.kinds
    assert staff_only.words in f"{WORDS}, then check the connection."
    with patch("service.cli.grants.deps", autospec=True, return_value=trust.deps):
        run = CliRunner()
        (listed,) = json.loads(run.invoke(command, ["list", "--json"]).output)
        told = run.invoke(command, ["list"]).output
    assert listed["obstacles"] == [{"kinds": [*staff_only.kinds], "words": staff_only.words}]
    assert f"Not possible there with our own account: {', '.join(staff_only.kinds)}. {staff_only.words}" in told
    grants.accept(trust.deps, grant_id, trust.expert())
    assert offered(trust) == set()
    with trust.deps.store.read() as session:
        assert not carries(trust.deps, session, trust.desk.connection_id)

    staff(trust, True)
    assert {"hide", "lock", "silence"} <= offered(trust)
    wish = hide(trust)
    action_id = act(trust.deps, wish, trust.expert())
    assert trust.desk.step(action_id) == "done"
    staff(trust, False)
    with pytest.raises(NotAllowed, match="no right to “restore”"):
        take_back(trust.deps, action_id, trust.manager, "He was right.")


def test_one_that_was_never_checked_is_offered_as_its_connector_declares(trust: Trust) -> None:
    trust.active()
    with trust.deps.store.write() as session:
        session.get_one(Connection, trust.desk.connection_id).may = None
    assert {"hide", "mark_answer"} <= offered(trust)


def test_the_scopes_of_a_token_are_found_at_the_hourly_look_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    with answering("mastodon", tmp_path_factory.mktemp("scopes")) as desk:
        assert {"silence", "reply"} <= set(connection(desk.deps, desk.connection_id).may or ())
        with desk.box.world.lock:
            tokens = desk.box.world.access.tokens
            less = "read write:statuses admin:read"
            tokens[desk.box.mastodon.token] = replace(tokens[desk.box.mastodon.token], scopes=less)
        desk.clock.pass_(hours=7)
        assert accounts.check_due(desk.deps) == 1
        row = connection(desk.deps, desk.connection_id)
    assert set(row.may or ()) == ANSWERS | {"notify"}
    assert "admin:write:accounts" in (row.lacks or {})["silence"]


@given(st.sampled_from(PEOPLE), st.sampled_from(sorted(ACTS)), st.sets(st.sampled_from(sorted(ACTS))), st.booleans())
def test_nobody_gets_a_permit_for_what_is_lacked(
    role: str, kind: Capability, lacks: set[Capability], planned: bool
) -> None:
    """But the end of an act that was permitted is always tried: the platform says no itself."""
    about = Subject("x", place=Place(1, 1), second="ann", planned=planned, lacks=dict.fromkeys(lacks, "Ask."))
    try:
        authorize(Actor("bob", role), kind, about, datetime.now(UTC))
    except NotAllowed:
        return
    assert kind not in lacks or (planned and kind in MODERATING)


def test_the_act_that_is_taken_back_is_found_by_its_target(trust: Trust) -> None:
    if trust.deps.store.postgres:
        pytest.skip("the plan is SQLite's")
    trust.active()
    action_id = act(trust.deps, hide(trust), trust.expert())
    assert trust.desk.step(action_id) == "done"
    said: list[str] = []

    def explain(connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "ORDER BY action.id DESC" in statement and not statement.startswith("EXPLAIN"):
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[attr-defined]
            said.extend(row[3] for row in rows)

    event.listen(trust.deps.store.engine, "before_cursor_execute", explain)
    take_back(trust.deps, action_id, trust.expert(), "He was right.")
    assert any("SEARCH action USING INDEX ix_action_target" in step for step in said), said
