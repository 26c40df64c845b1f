"""Public answers: refused cases first, then drafts, second persons, undo, and the one post on the platform."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from moderation.errors import BadInput, NotAllowed
from moderation.guards.contract import Guard
from moderation.policy import Level
from service.db.models import Action, Case, Connection, Message, Person
from service.db.reply_tables import ApprovalRule, BrandAccount, Reply
from service.usecases import acting, replies
from service.usecases.accounts import check_due, give_level
from service.usecases.people import Known, create_person, known_person
from service.usecases.replies import Changed, Guarded, Words
from tests.service.acting_support import ANSWER, Desk, answering, live


@pytest.fixture(params=["discourse", "mastodon"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with answering(request.param, tmp_path) as found:
        live(found)
        yield found


def somebody(desk: Desk, name: str, role: str = "responder", level: Level | None = None) -> Known:
    with desk.deps.store.read() as session:
        found = session.scalar(select(Person.id).where(Person.username == name))
        account = session.scalars(select(BrandAccount.id)).one()
    if found is None:
        create_person(desk.deps, name, role)
    if level is not None:
        give_level(desk.deps, account, name, level, "test")
    with desk.deps.store.read() as session:
        known = known_person(desk.deps, session.scalars(select(Person.id).where(Person.username == name)).one())
    assert known is not None
    return known


def owner(desk: Desk) -> Known:
    return somebody(desk, "owner")


def written(desk: Desk, person: Known, text: str = ANSWER, **more: object) -> tuple[int, int]:
    reply_id = replies.start(desk.deps, desk.case_id, person)
    words = Words(text, **more)  # type: ignore[arg-type]
    return reply_id, replies.save(desk.deps, reply_id, row(desk, reply_id).version, words, person)


def row(desk: Desk, reply_id: int) -> Reply:
    with desk.deps.store.read() as session:
        return session.get_one(Reply, reply_id)


def case(desk: Desk) -> Case:
    with desk.deps.store.read() as session:
        return session.get_one(Case, desk.case_id)


# ------------------------------------------------------------------ refused


def test_who_has_no_right_on_the_account_cannot_even_begin(desk: Desk) -> None:
    with pytest.raises(BadInput, match="brand account"):
        replies.start(desk.deps, desk.case_id, somebody(desk, "ada"))
    with pytest.raises(BadInput, match="brand account"):
        replies.start(desk.deps, desk.case_id, somebody(desk, "ana", "analyst", Level.APPROVE))


def test_who_may_only_draft_never_sends(desk: Desk) -> None:
    ada = somebody(desk, "ada", level=Level.DRAFT)
    reply_id, version = written(desk, ada)
    outcome = replies.send(desk.deps, reply_id, version, ada)
    assert outcome.state == "waiting"
    with pytest.raises(NotAllowed):
        replies.approve(desk.deps, reply_id, outcome.version, ada)
    with pytest.raises(NotAllowed):
        acting.approve(
            desk.deps, desk.case_id, acting.Capability.HIDE, desk.target, "", ada.id
        )  # nor anything else on the platform
    desk.clock.pass_(minutes=1)
    acting.perform_due(desk.deps)
    assert desk.posts() == 0


def test_a_right_taken_away_after_the_yes_stops_the_post(desk: Desk) -> None:
    ada = somebody(desk, "ada", level=Level.SEND)
    reply_id, version = written(desk, ada)
    outcome = replies.send(desk.deps, reply_id, version, ada)
    assert outcome.action_id is not None
    with desk.deps.store.read() as session:
        account = session.scalars(select(BrandAccount.id)).one()
    give_level(desk.deps, account, "ada", None, "test")
    assert desk.step(outcome.action_id) == "failed"
    assert desk.posts() == 0
    assert row(desk, reply_id).state == "returned"
    assert "right to send" in row(desk, reply_id).error
    assert row(desk, reply_id).text == ANSWER


def test_a_rule_made_after_the_send_holds_what_has_not_left(desk: Desk) -> None:
    ada = somebody(desk, "ada", level=Level.SEND)
    reply_id, version = written(desk, ada)
    outcome = replies.send(desk.deps, reply_id, version, ada)
    assert outcome.action_id is not None
    with desk.deps.store.write() as session:
        session.add(ApprovalRule(kind="role", value="responder", made_at=desk.clock()))
    assert desk.step(outcome.action_id) == "failed"
    assert desk.posts() == 0


def test_a_rule_that_is_not_understood_wants_a_second_person(desk: Desk) -> None:
    with desk.deps.store.write() as session:
        session.add(ApprovalRule(kind="moon", value="full", made_at=desk.clock()))
    reply_id, version = written(desk, owner(desk))
    outcome = replies.send(desk.deps, reply_id, version, owner(desk))
    assert outcome.state == "waiting"
    with pytest.raises(NotAllowed, match="second person"):
        replies.approve(desk.deps, reply_id, outcome.version, owner(desk))


def test_a_replayed_form_sends_nothing_a_second_time(desk: Desk) -> None:
    reply_id, version = written(desk, owner(desk))
    replies.send(desk.deps, reply_id, version, owner(desk))
    with pytest.raises(Changed):
        replies.send(desk.deps, reply_id, version, owner(desk))
    desk.clock.pass_(seconds=30)
    acting.perform_due(desk.deps)
    assert desk.posts() == 1


def test_nobody_writes_in_somebody_elses_draft(desk: Desk) -> None:
    reply_id, version = written(desk, somebody(desk, "ada", level=Level.SEND))
    with pytest.raises(Changed, match="Somebody else"):
        replies.save(desk.deps, reply_id, version, Words("mine"), owner(desk))


@pytest.mark.parametrize("text", ["", "   \n"])
def test_nothing_is_not_sent(desk: Desk, text: str) -> None:
    reply_id, version = written(desk, owner(desk), text)
    with pytest.raises(Guarded) as held:
        replies.send(desk.deps, reply_id, version, owner(desk))
    assert [f.guard for f in held.value.findings] == [Guard.EMPTY]


def test_an_unfilled_variable_blocks_and_no_reason_passes_it(desk: Desk) -> None:
    reasons = {"unfilled": "it is a joke", "empty": "x"}
    reply_id, version = written(desk, owner(desk), "Hello {name}, we are on it.", reasons=reasons)
    with pytest.raises(Guarded) as held:
        replies.send(desk.deps, reply_id, version, owner(desk))
    assert [f.guard for f in held.value.findings] == [Guard.UNFILLED]


def test_visibility_is_never_wider_than_what_is_answered(desk: Desk) -> None:
    with desk.deps.store.write() as session:
        session.execute(update(Message).values(visibility="unlisted"))
    reply_id, _ = written(desk, owner(desk), visibility="public")
    assert row(desk, reply_id).visibility == "unlisted"
    with pytest.raises(BadInput, match="public or unlisted"):
        written(desk, owner(desk), visibility="direct")


# ------------------------------------------------------------------ sent


def test_it_is_sent_once_after_ten_seconds_and_the_case_is_answered(desk: Desk) -> None:
    reply_id, version = written(desk, owner(desk))
    outcome = replies.send(desk.deps, reply_id, version, owner(desk))
    assert outcome.action_id is not None
    assert (case(desk).state, case(desk).decision) == ("decided", "answered")
    assert desk.step(outcome.action_id, seconds=5) == "approved"
    assert desk.step(outcome.action_id, seconds=6) == "done"
    sent = row(desk, reply_id)
    assert (sent.state, sent.error, desk.posts()) == ("sent", "", 1)
    assert sent.remote_id
    assert sent.url


def test_undo_gives_the_words_and_the_case_back(desk: Desk) -> None:
    reply_id, version = written(desk, owner(desk))
    outcome = replies.send(desk.deps, reply_id, version, owner(desk))
    replies.undo(desk.deps, reply_id, owner(desk))
    assert row(desk, reply_id).state == "draft"
    assert (case(desk).state, case(desk).open) == ("claimed", True)
    again = replies.send(desk.deps, reply_id, row(desk, reply_id).version, owner(desk))
    assert again.action_id != outcome.action_id
    desk.clock.pass_(seconds=30)
    acting.perform_due(desk.deps)
    assert desk.posts() == 1
    with pytest.raises(BadInput, match="too late"):
        replies.undo(desk.deps, reply_id, owner(desk))


def test_a_planned_answer_leaves_at_its_time(desk: Desk) -> None:
    at = desk.clock() + timedelta(hours=2)
    reply_id, version = written(desk, owner(desk), send_at=at)
    outcome = replies.send(desk.deps, reply_id, version, owner(desk))
    assert outcome.action_id is not None
    assert desk.step(outcome.action_id, minutes=110) == "approved"
    assert desk.step(outcome.action_id, minutes=11) == "done"


def test_a_second_person_amends_and_says_yes(desk: Desk) -> None:
    ada = somebody(desk, "ada", level=Level.DRAFT)
    reply_id, version = written(desk, ada, "It was our fault, and it is mended.")
    waiting = replies.send(desk.deps, reply_id, version, ada)
    outcome = replies.approve(desk.deps, reply_id, waiting.version, owner(desk), Words(ANSWER))
    assert outcome.action_id is not None
    assert desk.step(outcome.action_id) == "done"
    sent = row(desk, reply_id)
    assert (sent.writer_id, sent.approver_id) == (ada.id, owner(desk).id)
    assert desk.posts() == 1


def test_a_rejected_answer_comes_back_with_the_note(desk: Desk) -> None:
    ada = somebody(desk, "ada", level=Level.DRAFT)
    reply_id, version = written(desk, ada)
    waiting = replies.send(desk.deps, reply_id, version, ada)
    with pytest.raises(BadInput, match="Say why"):
        replies.reject(desk.deps, reply_id, waiting.version, owner(desk), " ")
    replies.reject(desk.deps, reply_id, waiting.version, owner(desk), "Name the plug.")
    back = row(desk, reply_id)
    assert (back.state, back.note, back.text) == ("returned", "Name the plug.", ANSWER)
    assert replies.send(desk.deps, reply_id, back.version, ada).state == "waiting"


def test_what_came_meanwhile_is_shown_before_anything_is_sent(desk: Desk) -> None:
    reply_id, version = written(desk, owner(desk))
    with desk.deps.store.write() as session:
        known = session.get_one(Message, row(desk, reply_id).message_id)
        came = {c.name: getattr(known, c.name) for c in Message.__table__.columns if c.name != "id"}
        came |= {"remote_id": "came-later", "text": "Solved it, thanks.", "created_at": desk.clock()}
        session.add(Message(**came))
    with pytest.raises(Guarded) as held:
        replies.send(desk.deps, reply_id, version, owner(desk))
    assert [f.guard for f in held.value.findings] == [Guard.ANSWERED]
    replies.seen(desk.deps, reply_id, owner(desk))
    assert replies.send(desk.deps, reply_id, version, owner(desk)).state == "approved"


def test_a_post_that_is_refused_comes_back_with_the_reason_and_every_word(desk: Desk) -> None:
    reply_id, version = written(desk, owner(desk))
    outcome = replies.send(desk.deps, reply_id, version, owner(desk))
    with desk.deps.store.write() as session:
        session.execute(update(Action).values(target="999999999"))
    assert outcome.action_id is not None
    assert desk.step(outcome.action_id) == "failed"
    back = row(desk, reply_id)
    assert (back.state, back.text) == ("returned", ANSWER)
    assert back.error
    assert case(desk).open


# ------------------------------------------------------------------ credentials


def take_the_token_away(desk: Desk) -> None:
    with desk.deps.store.write() as session:
        row = session.get_one(Connection, desk.connection_id)
        secrets = json.loads(desk.deps.vault.open(row.sealed))
        row.sealed = desk.deps.vault.seal(json.dumps(dict.fromkeys(secrets, "0" * 64)))


def account_state(desk: Desk) -> str:
    with desk.deps.store.read() as session:
        return session.scalars(select(BrandAccount.state)).one()


def test_a_token_that_was_taken_away_shows_at_the_send_and_no_word_is_lost(desk: Desk) -> None:
    reply_id, version = written(desk, owner(desk))
    outcome = replies.send(desk.deps, reply_id, version, owner(desk))
    take_the_token_away(desk)
    assert outcome.action_id is not None
    assert desk.step(outcome.action_id) == "failed"
    assert account_state(desk) == "refused"
    assert (row(desk, reply_id).state, row(desk, reply_id).text) == ("returned", ANSWER)


def test_a_token_that_nobody_uses_is_tried_every_few_hours(desk: Desk) -> None:
    take_the_token_away(desk)
    assert check_due(desk.deps) == 0
    desk.clock.pass_(hours=7)
    assert check_due(desk.deps) == 1
    assert account_state(desk) == "refused"
    assert check_due(desk.deps) == 0
