"""Drafts by programs: never sent, never of a place that is not seen, one a conversation; then a person has them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from api_support import Desk, assert_problem
from sqlalchemy import select, update

from moderation.errors import BadInput
from moderation.policy import PEOPLE, Level
from service.db.models import Action, AuditEntry, Case, Community, Person, Thread
from service.db.reply_tables import BrandAccount, Reply, ReplyRevision
from service.usecases import acting, drafts, people, replies, staff
from service.usecases.accounts import close_account, give_level
from service.usecases.people import Known, create_person, known_person
from service.usecases.replies import Words

SCOPE = "replies:draft"
TEXT = "Please switch it off at the wall; we are looking into it right now."


@pytest.fixture
def forum(desk: Desk) -> Desk:
    """Conversations to answer, and a brand account to answer as."""
    desk.fill()
    with desk.deps.store.read() as session:
        row = session.scalars(select(Thread.connection_id)).first()
    assert row
    desk.add_account(row)
    return desk


def rows(desk: Desk, model: Any, *where: Any) -> list[Any]:
    with desk.deps.store.read() as session:
        return list(session.scalars(select(model).where(*where).order_by(*model.__table__.primary_key)))


def person(desk: Desk, name: str, role: str, level: Level | None = None) -> Known:
    create_person(desk.deps, name, role, "words enough for a door")
    if level is not None:
        give_level(desk.deps, rows(desk, BrandAccount)[0].id, name, level, "test")
    found = known_person(desk.deps, rows(desk, Person, Person.username == name)[0].id)
    assert found is not None
    return found


def hidden_thread(desk: Desk) -> int:
    return int(rows(desk, Thread, Thread.community_id.in_(select(Community.id).where(Community.restricted)))[0].id)


def draft(desk: Desk, token: str, text: str = TEXT, thread_id: int = 1, **more: Any) -> Any:
    return desk.call(token, "POST", "/replies", json={"thread_id": thread_id, "text": text, **more})


def kept(desk: Desk, token: str, text: str = TEXT, **more: Any) -> dict[str, Any]:
    answer = draft(desk, token, text, **more)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def seen(desk: Desk, token: str, number: int) -> dict[str, Any]:
    answer = desk.call(token, "GET", f"/replies/{number}")
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


# ------------------------------------------------------------------ refused


def test_without_the_scope_nothing_is_kept(forum: Desk) -> None:
    token = forum.token("queue:read", "threads:read", "score")
    assert_problem(draft(forum, token), 403)
    assert rows(forum, Reply) == []


def test_a_restricted_conversation_is_not_there_without_its_scope(forum: Desk) -> None:
    hidden = hidden_thread(forum)
    assert_problem(draft(forum, forum.token(SCOPE), thread_id=hidden), 404)
    assert_problem(draft(forum, forum.token(SCOPE, name="two"), thread_id=999), 404)
    assert rows(forum, Reply) == []
    assert kept(forum, forum.token(SCOPE, "restricted:read", name="wide"), thread_id=hidden)["thread_id"] == hidden


def test_an_account_that_is_closed_or_elsewhere_speaks_for_no_program(forum: Desk) -> None:
    token = forum.token(SCOPE)
    forum.add_account(forum.add_forum("other"), "elsewhere")
    assert_problem(draft(forum, token, account="elsewhere"), 422)
    assert_problem(draft(forum, token, account="made-up"), 422)
    close_account(forum.deps, rows(forum, BrandAccount)[0].id, "test", "sold")
    assert_problem(draft(forum, token, account="brand"), 422)
    assert_problem(draft(forum, token), 422)
    assert rows(forum, Reply) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "   "},
        {"text": "x" * 20_001},
        {"visibility": "direct"},
        {"language": "English, please"},
        {"state": "approved"},
        {"send_at": "2027-01-01T10:00:00Z"},
        {"overrides": {"deflection": "because"}},
    ],
)
def test_what_a_program_may_not_say_is_refused(forum: Desk, wrong: dict[str, Any]) -> None:
    answer = forum.call(forum.token(SCOPE), "POST", "/replies", json={"thread_id": 1, "text": TEXT} | wrong)
    assert_problem(answer, 422)
    assert rows(forum, Reply) == []


def test_another_program_neither_sees_nor_changes_it(forum: Desk) -> None:
    first, second = forum.token(SCOPE), forum.token(SCOPE, name="second")
    number = kept(forum, first)["id"]
    assert_problem(forum.call(second, "GET", f"/replies/{number}"), 404)
    assert forum.call(second, "GET", "/replies").get_json() == {"items": [], "next": None}
    assert kept(forum, second, "Other words.")["id"] != number
    assert seen(forum, first, number)["text"] == TEXT


def test_its_row_among_the_people_is_nobody(forum: Desk) -> None:
    kept(forum, forum.token(SCOPE))
    row = rows(forum, Person, Person.role == "program")[0]
    owner = person(forum, "olga", "owner")
    assert (row.active, row.password_hash) == (False, "")
    for password in ("", "program", row.username):
        assert people.sign_in(forum.deps, row.username, password) is None
    assert [c.username for c in staff.everybody(forum.deps)] == ["olga"]
    changes = (partial(staff.switch, active=True), partial(staff.change_role, role="manager"), staff.link)
    for change in (*changes, staff.reset_factors):
        with pytest.raises(BadInput, match="no such person"):
            change(forum.deps, owner, row.id)
    assert "program" not in PEOPLE


# ------------------------------------------------------------------ kept


def test_it_is_a_draft_and_nothing_else(forum: Desk) -> None:
    told = kept(forum, forum.token(SCOPE), content_warning="heat")
    assert (told["state"], told["text"], told["account"], told["url"]) == ("draft", TEXT, "brand", "")
    assert told["length"] >= len(TEXT)
    reply = rows(forum, Reply)[0]
    assert (reply.state, reply.approver_id, reply.send_at, reply.content_warning) == ("draft", None, None, "heat")
    assert acting.perform_due(forum.deps) == 0
    assert rows(forum, Action) == []
    entry = rows(forum, AuditEntry, AuditEntry.kind == "reply:draft")[0]
    assert (entry.actor, entry.subject) == ("client:1", f"reply:{reply.id}")


@pytest.mark.parametrize(("locale", "word"), [("en", "elsewhere"), ("fr", "ailleurs")])
def test_it_says_what_the_guards_find(forum: Desk, locale: str, word: str) -> None:
    text = "Please write to help@example.org."
    found = kept(forum, forum.token(SCOPE), text, locale=locale)["findings"]
    first = next(one for one in found if one["guard"] == "deflection")
    assert word in first["text"]
    assert 0 <= first["start"] < first["end"] <= len(text)
    assert not first["final"]


def test_the_same_call_again_leaves_one_and_other_words_replace_it(forum: Desk) -> None:
    token = forum.token(SCOPE)
    numbers = {kept(forum, token, text)["id"] for text in (TEXT, TEXT, "Other words.", "Other words.")}
    assert len(numbers) == len(rows(forum, Reply)) == 1
    assert rows(forum, Reply)[0].text == "Other words."
    assert kept(forum, token, thread_id=2)["id"] not in numbers


def test_pages_of_drafts_meet(forum: Desk) -> None:
    token = forum.token(SCOPE)
    made = [kept(forum, token, thread_id=n)["id"] for n in (1, 2, 4, 5, 7)]
    path, found = "/replies?size=2", []
    while path:
        answer = forum.call(token, "GET", path)
        found += [one["id"] for one in answer.get_json()["items"]]
        link = answer.headers.get("Link", "")
        path = link.split(">")[0].removeprefix("</api/v1") if link else ""
    assert found == made[::-1]


# ------------------------------------------------------------------ a person has it


def test_who_may_not_write_as_that_account_does_not_get_it(forum: Desk) -> None:
    number = kept(forum, forum.token(SCOPE))["id"]
    with pytest.raises(BadInput, match="no brand account"):
        replies.start(forum.deps, rows(forum, Reply)[0].case_id, person(forum, "rita", "responder"))
    assert drafts.program_of(forum.deps, number) == "program:program"
    assert rows(forum, Reply)[0].writer_id == rows(forum, Person, Person.role == "program")[0].id


def test_whoever_answers_has_it_and_the_program_has_it_no_more(forum: Desk) -> None:
    token = forum.token(SCOPE)
    number = kept(forum, token)["id"]
    rita = person(forum, "rita", "responder", Level.DRAFT)
    case_id = rows(forum, Reply)[0].case_id
    assert replies.start(forum.deps, case_id, rita) == number
    mine = rows(forum, Reply)[0]
    assert (mine.writer_id, mine.state, mine.text) == (rita.id, "draft", TEXT)
    replies.save(forum.deps, number, mine.version, Words("Her own words."), rita)
    assert (seen(forum, token, number)["state"], seen(forum, token, number)["text"]) == ("taken", TEXT)
    assert kept(forum, token) == seen(forum, token, number), "the same call again changes nothing"
    assert rows(forum, Reply)[0].text == "Her own words."
    wordings = [(r.person_id == rita.id, r.text) for r in rows(forum, ReplyRevision)]
    assert wordings == [(False, TEXT), (True, "Her own words.")]
    audited = rows(forum, AuditEntry, AuditEntry.kind.in_(("reply:draft", "reply:take")))
    assert [(e.kind, e.actor) for e in audited] == [("reply:draft", "client:1"), ("reply:take", rita.actor)]
    second = kept(forum, token, "Something new.")["id"]
    assert second != number
    assert replies.start(forum.deps, case_id, rita) == number, "her own draft comes first"


def test_what_a_person_gave_up_is_not_offered_again(forum: Desk) -> None:
    token = forum.token(SCOPE)
    number = kept(forum, token)["id"]
    rita = person(forum, "rita", "responder", Level.SEND)
    case_id = rows(forum, Case, Case.thread_id == 1)[0].id
    replies.start(forum.deps, case_id, rita)
    replies.discard(forum.deps, number, rows(forum, Reply)[0].version, rita)
    assert kept(forum, token)["state"] == "dropped"
    assert replies.start(forum.deps, case_id, rita) != number


def test_two_who_begin_get_it_once(forum: Desk) -> None:
    number = kept(forum, forum.token(SCOPE))["id"]
    case_id = rows(forum, Reply)[0].case_id
    begun = [replies.start(forum.deps, case_id, person(forum, name, "manager")) for name in ("mia", "max")]
    assert begun[0] == number != begun[1]


def test_one_for_another_account_is_left_where_it_is(forum: Desk) -> None:
    with forum.deps.store.write() as session:
        session.execute(update(Thread).where(Thread.id == 1).values(title="Pump"))
    other = forum.add_account(rows(forum, BrandAccount)[0].connection_id, "brand_two")
    number = kept(forum, forum.token(SCOPE))["id"]
    case_id = rows(forum, Reply)[0].case_id
    assert replies.start(forum.deps, case_id, person(forum, "mia", "manager"), other) != number
