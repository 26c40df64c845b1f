"""The keeper's desk: their part and nothing of any other, acts that are held, taken back, refused and seconded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from moderation.model import Capability
from service.db.grant_tables import GrantRow, ModerationAct
from service.db.models import Action, AuditEntry, Author, Connection, Message, Person
from service.deps import Deps
from service.usecases.rules import ensure_rules
from tests.web.desk import Said, Seeder, _person, post, sign_in

WORDS = "You are all idiots and your machine is junk."


class Scene:
    """A forum with two parts; kim keeps one of them."""

    def __init__(self, app: Flask, deps: Deps, seed: Seeder) -> None:
        self.app, self.deps = app, deps
        self.forum = seed.connection("Brava Forum", connector="discourse", url="https://forum.example", shadow=False)
        self.other = seed.connection("Second forum", connector="discourse", url="https://two.example", shadow=False)
        self.part = seed.community(self.forum, "Repairs")
        self.next = seed.community(self.forum, "Secret garden", restricted=True)
        rude = Said(WORDS, "Zed", "zed", 30)
        more = Said("Calm down please.", "Mia", "mia", 20)
        self.thread = seed.thread(
            self.part, [Said("The grinder is loud.", minutes_ago=60), rude, more], title="Loud", marked=1
        )
        self.hidden = seed.thread(self.next, [Said("Hush"), Said("Psst", "Zed", "zed")], title="A whispered title")
        elsewhere = seed.community(self.other, "Repairs")
        self.elsewhere = seed.thread(elsewhere, [Said("Far away"), Said("Yes")], title="On the other server")
        author = Author(
            connection_id=self.forum, remote_id="kim", handle="kim", name="Kim", role="member", first_seen_at=seed.now
        )
        kim = _person("rock_star")
        with deps.store.write() as session:
            session.add_all([author, kim])
            session.flush()
            grant = GrantRow(author_id=author.id, person_id=kim.id, connection_id=self.forum, community_id=self.part)
            grant.state, grant.template, grant.days, grant.hourly, grant.daily = "active", "keeper", 30, 12, 40
            grant.capabilities, grant.silence_hours = (
                ["see", "hide", "restore", "lock", "unlock", "move", "silence"],
                24,
            )
            grant.made_at = grant.changed_at = grant.starts_at = seed.now - timedelta(days=1)
            grant.ends_at = seed.now + timedelta(days=29)
            session.add(grant)

    def client(self, role: str = "rock_star") -> FlaskClient:
        client = self.app.test_client()
        assert sign_in(client, role).status_code == 303
        return client

    def message(self, thread_id: int, handle: str = "zed") -> int:
        with self.deps.store.read() as session:
            query = select(Message.id).join(Author, Author.id == Message.author_id)
            return session.scalars(query.where(Message.thread_id == thread_id, Author.handle == handle)).one()

    def kinds(self) -> list[str]:
        with self.deps.store.read() as session:
            return list(session.scalars(select(AuditEntry.kind).order_by(AuditEntry.seq)))

    def actions(self) -> list[Action]:
        with self.deps.store.read() as session:
            return list(session.scalars(select(Action).order_by(Action.id)))

    def finish(self) -> None:
        with self.deps.store.write() as session:
            session.execute(update(Action).where(Action.state == "approved").values(state="done", attempt=1))


@pytest.fixture
def scene(app: Flask, deps: Deps, seed: Seeder) -> Scene:
    return Scene(app, deps, seed)


def test_the_next_category_and_the_other_server_are_refused_and_written_down(scene: Scene) -> None:
    client = scene.client()
    for thread_id in (scene.hidden, scene.elsewhere, 10**6):
        answer = client.get(f"/keep/{thread_id}")
        assert answer.status_code == 403
        assert "whispered" not in answer.text
    for thread_id in (scene.hidden, scene.elsewhere):
        message = (
            scene.message(thread_id, "zed" if thread_id == scene.hidden else "@lena@mstdn.example")
            if thread_id == scene.hidden
            else 1
        )
        fields = {"kind": "hide", "message": message, "reason": "Rule 2"}
        answer = post(client, f"/keep/{thread_id}/act", **fields)
        assert answer.status_code in (403, 422)
    assert post(client, f"/keep/{scene.hidden}/act", kind="lock", reason="Rule 2").status_code == 403
    assert post(client, f"/keep/{scene.elsewhere}/act", kind="lock", reason="Rule 2").status_code == 403
    assert scene.kinds().count("act:refuse") >= 2
    assert not scene.actions()


def test_nothing_of_any_other_part_is_named(scene: Scene) -> None:
    client = scene.client()
    for page in (client.get("/keep"), client.get(f"/keep/{scene.thread}")):
        assert page.status_code == 200
        for secret in ("whispered", "Secret garden", "Second forum", "other server"):
            assert secret not in page.text
    assert "Loud" in client.get("/keep").text
    assert "12 of 12 acts left" in client.get("/keep").text


def test_an_act_is_held_undone_done_and_taken_back(scene: Scene) -> None:
    client, message = scene.client(), scene.message(scene.thread)
    page = client.get(f"/keep/{scene.thread}")
    assert 'data-key="h"' in page.text
    assert "taken back by “Bring back”" in page.text
    assert post(client, f"/keep/{scene.thread}/act", kind="hide", message=message).status_code == 422, "no reason"
    assert post(client, f"/keep/{scene.thread}/act", kind="hide", message=message, reason="Insult").status_code == 303
    assert "Nothing has left yet" in client.get(f"/keep/{scene.thread}").text
    first = scene.actions()[0].id
    assert post(client, f"/keep/acts/{first}/undo").status_code == 303
    assert scene.actions()[0].state == "cancelled"
    post(client, f"/keep/{scene.thread}/act", kind="hide", message=message, reason="Insult")
    scene.finish()
    second = scene.actions()[-1].id
    assert "Stands" in client.get("/keep").text
    assert post(scene.client("manager"), f"/keep/acts/{second}/back", reason="No rule broken").status_code == 303
    assert "Taken back by a manager" in client.get("/keep").text
    assert post(client, f"/keep/acts/{second}/undo").status_code == 422


def test_nobody_undoes_what_is_not_theirs(scene: Scene) -> None:
    client = scene.client("manager")
    post(client, f"/keep/{scene.thread}/act", kind="lock", reason="Heated")
    assert post(scene.client(), f"/keep/acts/{scene.actions()[0].id}/undo").status_code == 422
    assert scene.actions()[0].state == "approved"


def test_several_at_once_wait_for_a_manager(scene: Scene) -> None:
    keeper, manager = scene.client(), scene.client("manager")
    both = [scene.message(scene.thread), scene.message(scene.thread, "mia")]
    fields = {"kind": "hide", "message": both[0], "several": both, "reason": "A quarrel"}
    assert post(keeper, f"/keep/{scene.thread}/act", **fields).status_code == 303
    assert {one.state for one in scene.actions()} == {"waiting"}
    first = scene.actions()[0].id
    assert post(keeper, f"/keep/acts/{first}/second", answer="yes").status_code == 403
    assert "Yes, do it" in manager.get("/keep").text
    assert post(manager, f"/keep/acts/{first}/second", answer="yes").status_code == 303
    assert {one.state for one in scene.actions()} == {"approved"}


def test_without_a_grant_that_holds_the_desk_is_closed(scene: Scene, as_role: Callable[[str], FlaskClient]) -> None:
    client = scene.client()
    with scene.deps.store.write() as session:
        session.execute(update(GrantRow).values(ends_at=scene.deps.now() - timedelta(seconds=1)))
    assert client.get("/keep").status_code == 403
    assert client.get(f"/keep/{scene.thread}").status_code == 403
    assert as_role("analyst").get("/keep").status_code == 403


def test_a_manager_has_the_form_on_the_conversation_and_a_responder_has_not(scene: Scene) -> None:
    assert 'id="moderate"' in scene.client("manager").get(f"/threads/{scene.thread}").text
    assert 'id="moderate"' not in scene.client("responder").get(f"/threads/{scene.thread}").text


def test_a_rule_alone_is_reason_enough(scene: Scene) -> None:
    ensure_rules(scene.deps)
    client = scene.client()
    page = client.get(f"/keep/{scene.thread}").text
    rule = page.partition('name="rule"')[2].partition('value="">')[2].partition('value="')[2].partition('"')[0]
    message = scene.message(scene.thread)
    assert post(client, f"/keep/{scene.thread}/act", kind="hide", message=message, rule=rule).status_code == 303
    with scene.deps.store.read() as session:
        row = session.scalars(select(ModerationAct)).one()
        assert (str(row.rule_id), bool(row.reason), row.rank) == (rule, True, 1)
        assert session.scalars(select(Person).where(Person.role == "rock_star")).one()
    assert scene.actions()[0].kind == Capability.HIDE


def test_what_our_account_may_not_do_is_not_offered(scene: Scene) -> None:
    with scene.deps.store.write() as session:
        session.get_one(Connection, scene.forum).may = ["lock", "unlock"]
    page = scene.client().get(f"/keep/{scene.thread}").text
    assert 'value="lock"' in page
    assert 'value="hide"' not in page
    with scene.deps.store.write() as session:
        session.get_one(Connection, scene.forum).may = ["reply"]
    page = scene.client().get(f"/keep/{scene.thread}").text
    assert 'name="kind"' not in page
    assert "no right to “hide”. Give it that right on the platform" in page
