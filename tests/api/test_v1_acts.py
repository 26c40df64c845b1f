"""Programs and acts of moderation: they ask and a person decides; nobody is named, nothing closed is told."""

from __future__ import annotations

from typing import Any

from api_support import Desk, assert_problem, grant
from sqlalchemy import select, update

from service.db.models import Action, Community, Connection, Message


def message(desk: Desk) -> tuple[int, int]:
    with desk.deps.store.read() as session:
        row = session.execute(select(Message.thread_id, Message.id).order_by(Message.id)).first()
    assert row is not None
    return row[0], row[1]


def asked(desk: Desk, token: str, **more: Any) -> Any:
    thread_id, message_id = message(desk)
    body = {"kind": "hide", "thread_id": thread_id, "message_id": message_id, "reason": "Rule 2"} | more
    return desk.call(token, "POST", "/actions", json=body)


def test_what_cannot_be_asked_for_is_told(desk: Desk) -> None:
    desk.fill()
    token = desk.token("actions:write")
    for more, status in (
        ({"thread_id": 10**6}, 404),
        ({"kind": "reply"}, 422),
        ({"reason": " "}, 422),
        ({"law": " "}, 422),
        ({"law": "§" * 201}, 422),
        ({"rule_id": 10**6}, 422),
        ({"person": "owner"}, 422),
    ):
        assert_problem(asked(desk, token, **more), status)
    with desk.deps.store.read() as session:
        assert not session.scalars(select(Action)).all()


def test_an_act_waits_and_is_read_without_names_where_it_may_be_seen(desk: Desk) -> None:
    desk.fill()
    answer = asked(desk, desk.token("actions:write", name="writer"), law="§ 185 StGB")
    assert (answer.status_code, answer.get_json()["state"], answer.get_json()["role"]) == (200, "waiting", "program")
    reader = desk.token("actions:read", "grants:read", name="reader")
    assert [one["law"] for one in desk.call(reader, "GET", "/actions").get_json()["items"]] == ["§ 185 StGB"]
    assert desk.call(reader, "GET", "/grants").get_json() == {"items": []}
    with desk.deps.store.write() as session:
        session.execute(update(Community).values(restricted=True))
    assert desk.call(reader, "GET", "/actions").get_json()["items"] == []
    assert_problem(asked(desk, desk.token("actions:write", name="second")), 404)


def test_what_our_account_may_not_do_is_refused_to_programs_too(desk: Desk) -> None:
    desk.fill()
    with desk.deps.store.write() as session:
        session.execute(update(Connection).values(may=["lock"], lacks={"hide": "Make it a moderator there."}))
    problem = assert_problem(asked(desk, desk.token("actions:write")), 403)
    assert "no right to “hide”. Make it a moderator there." in problem["detail"]
    with desk.deps.store.read() as session:
        assert not session.scalars(select(Action)).all()


def test_what_of_a_grant_cannot_be_carried_out_is_told_with_it_and_why(desk: Desk) -> None:
    desk.fill()
    grant(desk, "see", "hide", "lock", "silence")
    reader = desk.token("grants:read")
    assert [one["obstacles"] for one in desk.call(reader, "GET", "/grants").get_json()["items"]] == [[]]
    give_it = "Make it a moderator there."
    with desk.deps.store.write() as session:
        session.execute(update(Connection).values(may=["lock"], lacks={"hide": give_it, "silence": give_it}))
    (one,) = desk.call(reader, "GET", "/grants").get_json()["items"]
    assert one["obstacles"] == [{"kinds": ["hide", "silence"], "words": give_it}]
    assert one["capabilities"] == ["see", "hide", "lock", "silence"], "what was given stays as it is"
    with desk.deps.store.write() as session:
        session.execute(update(Community).values(restricted=True))
    assert desk.call(reader, "GET", "/grants").get_json() == {"items": []}
