"""The public log: closed unless switched on, of what was done, and never about whom or by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from moderation.errors import BadInput
from service.db.grant_tables import GrantRow, ModerationAct
from service.db.models import Action, AuditEntry, Author, Case, Community, Message, Person, Thread
from service.db.redress_tables import Rule
from service.deps import Deps, deps_of
from service.usecases import public_log
from service.usecases.people import Known, known_person, pseudonym
from service.usecases.public_log import Log
from tests.web.desk import Said, Seeder, build, post, sign_in

#: Letters that stand in no word of ours, so that a name is on a page only where it was put there.
STRANGE = st.text("ŋøßđħłŧœŵžðþ", min_size=4, max_size=12)


@dataclass
class Place:
    """A community with a thread, its owner, and acts put straight into the database."""

    app: Flask
    deps: Deps
    seed: Seeder
    community_id: int
    thread_id: int

    def act(self, kind: str = "hide", state: str = "done", undoes: int | None = None, **values: Any) -> int:
        with self.deps.store.write() as session:
            case = session.query(Case).filter_by(thread_id=self.thread_id).one()
            message = session.query(Message).filter_by(thread_id=self.thread_id).first()
            assert message is not None
            ids = {"case_id": case.id, "connection_id": case.connection_id, "person_id": 1}
            when = {"due_at": self.seed.now, "created_at": self.seed.now}
            action = Action(kind=kind, state=state, target=message.remote_id, **ids, **when)
            session.add(action)
            session.flush()
            about = {"community_id": self.community_id, "message_id": message.id, "author_id": message.author_id}
            row = about | {"at": self.seed.now, "reason": "insult", "undoes_id": undoes, "planned": False} | values
            session.add(ModerationAct(action_id=action.id, **row))
            return action.id

    def rule(self) -> int:
        with self.deps.store.write() as session:
            words = {"en": "Be kind", "fr": "Soyez aimables"}
            kept = {"title": words, "text": words, "category": "KEYWORD_CYBER_HARASSMENT", "made_at": self.seed.now}
            row = Rule(position=1, **kept)
            session.add(row)
            session.flush()
            return row.id

    def owner(self) -> Known:
        found = known_person(self.deps, 1)
        assert found is not None
        return found

    def open(self) -> None:
        public_log.switch(self.deps, self.community_id, True, self.owner())

    def log(self, **asked: Any) -> Log:
        found = public_log.log(self.deps, self.community_id, **asked)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def module_place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    yield from _place(tmp_path_factory.mktemp("log"))


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    yield from _place(tmp_path_factory.mktemp("log"))


def _place(folder: Any) -> Any:
    app = build(folder)
    seed = Seeder(deps_of(app))
    community_id = seed.community(seed.connection(), "Help")
    yield Place(app, deps_of(app), seed, community_id, seed.thread(community_id, [Said("You idiot")]))
    deps_of(app).store.engine.dispose()


def test_a_log_that_is_off_or_of_a_closed_community_is_nowhere(place: Place) -> None:
    client = place.app.test_client()
    place.act()
    addresses = [f"/log/{place.community_id}", f"/log/{place.community_id}.json"]
    assert [client.get(at).status_code for at in (*addresses, "/log/999")] == [404, 404, 404]
    place.open()
    assert [client.get(at).status_code for at in addresses] == [200, 200]
    with place.deps.store.write() as session:
        session.execute(update(Community).values(restricted=True))
    assert [client.get(at).status_code for at in addresses] == [404, 404]
    public_log.switch(place.deps, place.community_id, False, place.owner())
    with pytest.raises(BadInput, match="closed to the public"):
        place.open()


def test_only_managers_switch_it_and_it_is_written_down_once(place: Place) -> None:
    for role, code in (("analyst", 403), ("responder", 403), ("manager", 303)):
        client = place.app.test_client()
        sign_in(client, role)
        assert post(client, f"/log/{place.community_id}/switch", on="1").status_code == code
        assert client.get("/log").status_code == (200 if role == "manager" else 403)
    place.open()
    with place.deps.store.read() as session:
        kinds = [entry.kind for entry in session.query(AuditEntry) if entry.kind.startswith("log:")]
    assert kinds == ["log:open"]


def test_what_was_done_stands_in_it_and_what_was_undone_in_time_does_not(place: Place) -> None:
    place.open()
    rule = place.rule()
    ends = place.seed.now + timedelta(hours=24)
    place.act(state="cancelled")
    place.act(state="failed")
    place.act("notify")
    place.act("mark_answer")
    silenced = place.act("silence", ends_at=ends, rule_id=rule)
    place.act("unsilence", undoes=silenced, planned=True)
    hidden = place.act(automated=True)
    back = place.act("restore", undoes=hidden)
    again = place.act()
    restored = place.act("restore", undoes=again)
    place.act("hide", undoes=restored)
    acts = {act.number: act for act in place.log().acts}
    assert list(acts) == [again, hidden, silenced]
    assert (acts[silenced].ends_at, acts[silenced].overturned_at) == (ends, None), "a planned end overturns nothing"
    assert (acts[silenced].category, acts[silenced].by) == ("KEYWORD_CYBER_HARASSMENT", "moderator")
    assert acts[hidden].by == "automated"
    assert acts[hidden].overturned_at == place.seed.now
    assert acts[again].overturned_at is None, "what took it back was taken back itself"
    assert back not in acts


def test_a_trusted_member_is_told_from_a_moderator(place: Place) -> None:
    place.open()
    terms = {"capabilities": ["hide"], "days": 90, "hourly": 9, "daily": 9, "author_id": 1, "connection_id": 1}
    with place.deps.store.write() as session:
        grant = GrantRow(state="active", made_at=place.seed.now, changed_at=place.seed.now, **terms)
        session.add(grant)
        session.flush()
        number = grant.id
    place.act(grant_id=number)
    place.act()
    assert [act.by for act in place.log().acts] == ["moderator", "keeper"]


def test_rules_speak_both_languages(place: Place) -> None:
    place.open()
    place.act(rule_id=place.rule())
    page = place.app.test_client().get(f"/log/{place.community_id}?lang=fr").text
    assert "Soyez aimables" in page
    feed = place.app.test_client().get(f"/log/{place.community_id}.json").json
    assert feed is not None
    kept = {"act": "hide", "by": "moderator", "category": "KEYWORD_CYBER_HARASSMENT", "overturned_at": None}
    assert feed["acts"][0] == kept | {
        "at": place.seed.now.isoformat(),
        "ends_at": None,
        "rule": {"en": "Be kind", "fr": "Soyez aimables"},
    }
    assert (feed["community"], feed["next"]) == ("Help", None)


def test_pages_meet(place: Place) -> None:
    place.open()
    numbers = [place.act() for _ in range(5)]
    first = place.log(size=2)
    second = place.log(size=2, before=first.older)
    last = place.log(size=2, before=second.older)
    assert [a.number for page in (first, second, last) for a in page.acts] == numbers[::-1]
    assert last.older is None


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(STRANGE, min_size=7, max_size=7, unique=True))
def test_nobody_is_ever_named(module_place: Place, names: list[str]) -> None:
    """Names, handles, logins, what was written, for whom and by whom: none is on the page or in the feed."""
    place = module_place
    login, person, handle, author, words, reason, title = names
    with place.deps.store.write() as session:
        session.execute(update(Person).where(Person.id == 1).values(username=login, name=person))
        session.execute(update(Author).values(handle=handle, name=author, remote_id=handle))
        session.execute(update(Message).values(text=words, remote_id=words, url=f"https://x.example/{words}"))
        session.execute(update(Thread).values(title=title, url=f"https://x.example/{title}"))
        pseudonyms = {pseudonym(row) for row in session.query(Person)}
    place.open()
    place.act(reason=f"{reason}, {login}", automated=False)
    client: FlaskClient = place.app.test_client()
    for rest in ("?lang=en", "?lang=fr", ".json"):
        said = client.get(f"/log/{place.community_id}{rest}").get_data(as_text=True)
        assert not [name for name in (*names, *pseudonyms, "person:") if name in said]
        assert "x.example" not in said
