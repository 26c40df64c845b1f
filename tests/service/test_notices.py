"""Notices of illegal content: sealed, found again, decided by those who may, carried out, told without names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability
from moderation.notices import NAMELESS, Given
from moderation.statements import Source
from service.db.models import Action, AuditEntry, Message, Person
from service.db.redress_tables import Appeal, Notice
from service.deps import Deps
from service.usecases import acting, keeping, notice_receipts, noticed_places, notices
from service.usecases.notices import Decision
from service.usecases.people import create_person
from service.usecases.rotation import rotate
from service.usecases.statements import export, source_of
from service.vault import Vault, VaultError
from tests.service.grants_support import PASSWORD, Trust, known, trusted
from tests.support.decided import hidden_message
from tests.support.office import SECRET, Office, office
from tests.web.desk import Said, Seeder

URL = "https://forum.example/t/leak/12/3"
WHY = "It threatens a neighbour with a knife, which the penal code forbids."
GIVEN = Given((URL,), "KEYWORD_INCITEMENT_VIOLENCE_HATRED", WHY, "Ada Łukasz", "ada@example.org", good_faith=True)


@pytest.fixture
def desk() -> Iterator[Office]:
    desk = office(secret_key=SECRET)
    yield desk
    desk.close()


@pytest.fixture
def trust(tmp_path: Path) -> Iterator[Trust]:
    with trusted(tmp_path) as found:
        yield found


def receive(deps: Deps, *urls: str) -> str:
    return notices.receive(deps, replace(GIVEN, urls=urls))


def only(deps: Deps, **asked: bool) -> notices.Shown:
    found, older = notices.notices(deps, **asked)
    assert (len(found), older) == (1, None)
    return found[0]


def test_what_lacks_something_is_not_kept(desk: Office) -> None:
    with pytest.raises(BadInput):
        notices.receive(desk.deps, Given((), GIVEN.category, WHY))
    assert desk.rows(Notice) == []
    assert notice_receipts.receipt(desk.deps, "none") is None


def test_nobody_but_judges_decides_or_looks(desk: Office) -> None:
    notices.receive(desk.deps, GIVEN)
    for role in ("responder", "analyst", "rock_star"):
        create_person(desk.deps, role, role, PASSWORD)
        for step in (
            lambda by: notices.decide(desk.deps, 1, Decision(acted=False, reason="No."), by),
            lambda by: notices.place(desk.deps, 1, URL, by),
        ):
            with pytest.raises(NotAllowed):
                step(known(desk.deps, role))
    assert only(desk.deps).state == "open"


def test_name_address_and_code_are_nowhere_in_plain_text_and_follow_the_newest_key(desk: Office) -> None:
    code = notices.receive(desk.deps, GIVEN)
    notices.receive(desk.deps, Given((URL,), min(NAMELESS), WHY, good_faith=True))
    with desk.deps.store.read() as session:
        kept = [str(session.execute(text(f"SELECT * FROM {table}")).all()) for table in ("notice", "audit_entry")]
    assert not [word for word in ("Ada", "Łukasz", "ada@", code) if word in "".join(kept)]
    assert [n.name for n in notices.notices(desk.deps)[0]] == ["Ada Łukasz", ""]
    newer = "another secret key for tests of forty chars"
    both = Vault([newer, SECRET])
    assert rotate(_with(desk.deps, both), "cli") == 3
    with pytest.raises(VaultError):
        notices.notices(desk.deps)
    assert [n.address for n in notices.notices(_with(desk.deps, Vault([newer])))[0]] == ["ada@example.org", ""]


def _with(deps: Deps, vault: Vault) -> Deps:
    return replace(deps, vault=vault)


def test_each_place_is_decided_by_itself_and_one_receipt_tells_of_all(desk: Office) -> None:
    create_person(desk.deps, "marta", "manager", PASSWORD)
    marta = known(desk.deps, "marta")
    code = receive(desk.deps, URL, "https://forum.example/t/leak/12/4")
    notices.decide(
        desk.deps, 1, Decision(acted=False, reason="marta thinks: harsh, but lawful. Ask a@b.example."), marta
    )
    found = notice_receipts.receipt(desk.deps, code)
    assert found is not None
    assert [one.state for one in found.outcomes] == ["rejected", "open"]
    assert found.outcomes[0].reason == "… thinks: harsh, but lawful. Ask …."
    assert "marta" not in str(found)
    assert marta.actor not in str(found)
    with pytest.raises(BadInput, match="waits"):
        notices.decide(desk.deps, 1, Decision(acted=True, reason="No."), marta)
    with pytest.raises(BadInput, match="reason"):
        notices.decide(desk.deps, 2, Decision(acted=True, reason=" "), marta)
    with pytest.raises(BadInput, match="what is to be done"):
        notices.decide(desk.deps, 2, Decision(acted=True, reason="x", kind=Capability.HIDE), marta)
    notices.decide(desk.deps, 2, Decision(acted=True, reason="Taken down."), marta)
    assert notices.open_count(desk.deps) == 0
    kinds = [entry.kind for entry in desk.rows(AuditEntry) if entry.kind.startswith("notice:")]
    assert kinds == ["notice:receive", "notice:receive", "notice:decide", "notice:decide"]


def test_an_address_that_is_none_leads_to_no_message_without_one(desk: Office) -> None:
    create_person(desk.deps, "marta", "manager", PASSWORD)
    seed = Seeder(desk.deps)
    seed.thread(seed.community(seed.connection()), [Said("A message without an address", url="")])
    receive(desk.deps, URL)
    with desk.deps.store.write() as session:
        session.get_one(Notice, 1).url = ""
    for typed in ("", "://", "https://[::1", "javascript:alert(1)"):
        assert not notices.place(desk.deps, 1, typed, known(desk.deps, "marta")), typed


def test_an_act_for_a_notice_is_done_on_the_forum_and_its_statement_names_the_notice(trust: Trust) -> None:
    deps, message_id = trust.deps, trust.message_of_others()[1]
    with deps.store.read() as session:
        message = session.get_one(Message, message_id)
    code = receive(deps, message.url)
    shown = only(deps)
    assert shown.content is not None
    assert (shown.content.id, shown.content.text) == (message_id, message.text)
    assert shown.content.acts[:2] == ("hide", "lock")
    wanted = Decision(acted=True, reason="It calls people idiots, zoe did.", kind=Capability.HIDE)

    notices.decide(deps, shown.id, wanted, trust.manager)
    action_id = _row(trust, Notice).action_id
    assert acting.cancel(deps, action_id), "undone in time"
    assert only(deps).state == "open"
    notices.decide(deps, shown.id, wanted, trust.manager)
    action_id = _row(trust, Notice).action_id
    assert trust.desk.step(action_id) == "done"
    with trust.desk.box.world.lock:
        assert trust.desk.box.world.forum.posts[int(message.remote_id)].deleted_at is not None
    found = notice_receipts.receipt(deps, code)
    assert found is not None
    assert (found.outcomes[0].state, found.outcomes[0].did) == ("acted", "hide")
    assert "zoe" not in found.outcomes[0].reason
    assert only(deps, decided=True).by == "marta"
    with deps.store.read() as session:
        assert source_of(session, action_id) is Source.NOTICE


def test_illegal_needs_its_law_and_its_statement_takes_the_kind_from_the_notice(trust: Trust) -> None:
    deps, message_id = trust.deps, trust.message_of_others()[1]
    with deps.store.read() as session:
        receive(deps, session.get_one(Message, message_id).url)
    wanted = Decision(acted=True, reason="A call for violence.", kind=Capability.HIDE, law="")
    with pytest.raises(BadInput, match="law"):
        notices.decide(deps, 1, wanted, trust.manager)
    assert only(deps).state == "open"
    notices.decide(deps, 1, replace(wanted, law="Penal code, art. 222-17"), trust.manager)
    assert trust.desk.step(_row(trust, Notice).action_id) == "done"
    ((_, fields),) = export(deps)
    assert fields["illegal_content_legal_ground"] == "Penal code, art. 222-17"
    assert fields["illegal_content_explanation"] == "A call for violence."
    assert (fields["source_type"], fields["category"]) == ("SOURCE_ARTICLE_16", "STATEMENT_CATEGORY_VIOLENCE")


def test_who_gave_notice_is_forgotten_after_the_term_and_not_while_anything_is_open(desk: Office) -> None:
    create_person(desk.deps, "marta", "manager", PASSWORD)
    code = receive(desk.deps, URL, "https://forum.example/t/leak/12/4", "https://forum.example/t/leak/12/5")
    marta, now = known(desk.deps, "marta"), desk.deps.now()
    for number in (1, 2):
        notices.decide(desk.deps, number, Decision(acted=number == 2, reason="Read."), marta)
    hidden = hidden_message(desk.deps, marta.id)
    with desk.deps.store.write() as session:
        session.get_one(Notice, 2).action_id = hidden.action_id
        session.add(Appeal(statement_id=1, text="No.", made_at=now))
    for days, left in ((189, [1, 2, 3]), (191, [2, 3])):
        later = desk.at(now + timedelta(days=days))
        keeping.purge(later)
        assert [row.id for row in desk.rows(Notice) if row.name and row.address] == left, days
    with desk.deps.store.write() as session:
        session.scalars(select(Appeal)).one().state = "upheld"
    assert notices.forget_senders(later) == 1
    with desk.deps.store.write() as session:
        session.get_one(Action, hidden.action_id).state = "cancelled"
    receive(desk.deps, URL)
    assert notices.forget_senders(later) == 0
    forgotten = [entry.subject for entry in desk.rows(AuditEntry) if entry.kind == "notice:forget"]
    assert forgotten == ["notice:1", "notice:2"]
    assert desk.rows(Notice)[0].explanation == WHY
    assert notice_receipts.receipt(desk.deps, code) is not None


def test_an_act_that_is_refused_leaves_the_notice_open(trust: Trust) -> None:
    with trust.deps.store.write() as session:
        message = session.get_one(Message, trust.message_of_others()[1])
        session.scalars(select(Person).where(Person.username == "marta")).one().role = "responder"
        url = message.url
    receive(trust.deps, url)
    with pytest.raises(NotAllowed):
        notices.decide(trust.deps, 1, Decision(True, "Because.", Capability.HIDE), trust.manager)
    assert only(trust.deps).state == "open"


def _row(trust: Trust, model: Any) -> Any:
    return trust.desk.row(model)


def test_an_address_leads_to_its_message_by_keys_and_by_looking_only_when_asked(desk: Office) -> None:
    seed = Seeder(desk.deps)
    forum = seed.community(seed.connection(url="https://forum.example", connector="discourse"))
    said = [Said("First", url="https://forum.example/t/leak/12/1"), Said("Third", url=URL)]
    seed.thread(forum, said, remote_id="12", url="https://forum.example/t/leak/12")
    lemmy = seed.community(seed.connection("Lemmy", url="https://lemmy.example", connector="lemmy"))
    seed.thread(lemmy, [Said("Here", url="https://lemmy.example/comment/5")], remote_id="4")
    seed.thread(forum, [Said("Far", url="https://other.example/@lena/99")], remote_id="77")
    with desk.deps.store.write() as session:
        ids = {m.text: m.id for m in session.scalars(select(Message))}
        session.get_one(Message, ids["Here"]).remote_id = "comment-5"
    with desk.deps.store.read() as session:
        for url, at in (
            (URL, "Third"),
            ("HTTPS://Forum.Example/t/leak/12/3/?u=x#reply", "Third"),
            ("https://forum.example/t/leak/12", "First"),
            ("https://lemmy.example/comment/5", "Here"),
        ):
            assert noticed_places.by_key(session, url) == ids[at], url
        for url in (
            "https://evil.example/t/leak/12/3",
            "https://forum.example/t/leak/12/9",
            "https://other.example/@lena/99",
        ):
            assert noticed_places.by_key(session, url) is None, url
        assert noticed_places.by_address(session, "https://other.example/@lena/9") is None
        assert noticed_places.by_address(session, "https://other.example/@lena/99/") == ids["Far"]
