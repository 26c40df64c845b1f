"""Incidents: who opens one, who sees it, and that answers wait for a second person while one is open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from moderation.errors import NotAllowed
from moderation.policy import Level
from service.db.models import AuditEntry, Community
from service.usecases import incidents
from service.usecases.accounts import give_level
from service.usecases.people import Known
from tests.web.composer_desk import Site, site
from tests.web.desk import post
from tests.web.test_approvals import rule, waits

ABOUT = "The recall of the “Doppio” grinder"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Site]:
    with site("mastodon", tmp_path) as found:
        give_level(found.deps, found.account_id, "responder", Level.SEND, "test")
        yield found


def place(desk: Site) -> int:
    with desk.deps.store.read() as session:
        return session.scalars(select(Community.id)).one()


def opened(desk: Site, about: str = ABOUT) -> int:
    return post(desk.enter("manager"), "/answering/incidents", community=place(desk), about=about).status_code


def sent(desk: Site) -> str:
    client = desk.enter("responder")
    reply_id = desk.begin(client)
    desk.write(client, reply_id, "send")
    return desk.reply(reply_id).state


@pytest.mark.parametrize("role", ["responder", "analyst"])
def test_who_does_not_lead_opens_and_closes_none(desk: Site, role: str) -> None:
    assert post(desk.enter(role), "/answering/incidents", community=place(desk), about=ABOUT).status_code == 403
    assert incidents.incidents(desk.deps) == {}
    opened(desk)
    assert post(desk.enter(role), f"/answering/incidents/{place(desk)}/close").status_code == 403
    assert place(desk) in incidents.incidents(desk.deps)
    nobody = Known(9, "x", "", role, "en", "", "person:x")
    with pytest.raises(NotAllowed):
        incidents.open_incident(desk.deps, place(desk), ABOUT, nobody)
    with pytest.raises(NotAllowed):
        incidents.close_incident(desk.deps, place(desk), nobody)


@pytest.mark.parametrize("about", ["", "  ", "x" * 201])
def test_words_that_say_nothing_or_too_much_are_refused(desk: Site, about: str) -> None:
    assert opened(desk, about) == 422
    assert incidents.incidents(desk.deps) == {}


def test_one_needs_a_community_that_is_there(desk: Site) -> None:
    for community in ("99", "", "moon"):
        page = post(desk.enter("manager"), "/answering/incidents", community=community, about=ABOUT)
        assert (page.status_code, ABOUT in page.text) == (422, True)
    assert post(desk.enter("manager"), f"/answering/incidents/{place(desk)}/close").status_code == 400


def test_without_one_and_when_it_is_closed_answers_leave(desk: Site) -> None:
    rule(desk, "incident", "declared")
    opened(desk)
    assert post(desk.enter("manager"), f"/answering/incidents/{place(desk)}/close").status_code == 303
    assert sent(desk) == "approved"


def test_answers_wait_for_a_second_person_while_it_is_open(desk: Site) -> None:
    rule(desk, "incident", "declared")
    opened(desk)
    reply_id = waits(desk)
    assert desk.reply(reply_id).wants == [{"kind": "incident", "value": "declared"}]
    assert "an incident in the community: a manager opened one" in desk.enter("owner").get("/approvals").text


def test_what_was_sent_before_waits_too_when_one_opens_before_it_leaves(desk: Site) -> None:
    """The job asks again."""
    rule(desk, "incident", "declared")
    client = desk.enter("responder")
    reply_id = desk.begin(client)
    desk.write(client, reply_id, "send")
    opened(desk)
    desk.step()
    assert desk.posts() == 0
    assert desk.reply(reply_id).wants == [{"kind": "incident", "value": "declared"}]


def test_an_alarm_is_one_too_where_a_rule_says_so(desk: Site) -> None:
    rule(desk, "incident", "alarm")
    opened(desk)
    with desk.deps.store.write() as session:
        row = session.scalars(select(Community)).one()
        alarm = {"count": 40, "usual": 2.0, "since": desk.clock().isoformat()}
        row.summary = row.summary | {"alarm": alarm}
    waits(desk)


def test_everybody_reads_it_in_the_queue_as_text_and_the_log_keeps_it(desk: Site) -> None:
    opened(desk, "<b>Recall</b>")
    opened(desk, ABOUT)
    assert "Incident in" in desk.enter("responder").get("/queue").text
    assert ABOUT in desk.enter("responder").get("/queue").text
    assert "Close it" in desk.enter("manager").get("/queue").text
    opened(desk, "<b>Recall</b>")
    assert "&lt;b&gt;Recall" in desk.enter("manager").get("/answering").text
    with desk.deps.store.read() as session:
        kept = session.scalars(select(AuditEntry).where(AuditEntry.kind == "incident:open").order_by(AuditEntry.seq))
        assert [e.reason for e in kept] == ["<b>Recall</b>", ABOUT, "<b>Recall</b>"]
