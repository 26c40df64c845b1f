"""Answers by holders of a grant: judged by the brand's people, never sent by themselves, in their own part only."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select, update

from service.db.grant_tables import GrantRow
from service.db.models import Action, AuditEntry, Connection, Person
from service.db.reply_tables import BrandAccount, Reply
from service.deps import Deps
from service.usecases import grants
from service.usecases.people import as_known
from tests.web.desk import Seeder, post
from tests.web.test_keeper_page import Scene

WORDS = "Switch it off and clean the burrs; that was it for all of us."


@pytest.fixture
def scene(app: Flask, deps: Deps, seed: Seeder) -> Scene:
    """Kim may draft in the part that they keep; both servers have an account of the brand."""
    scene = Scene(app, deps, seed)
    with deps.store.write() as session:
        for connection_id in (scene.forum, scene.other):
            session.add(BrandAccount(connection_id=connection_id, handle="brava", created_at=seed.now))
        session.execute(update(GrantRow).values(capabilities=["see", "draft"]))
        key = {"url": "https://forum.example", "api_username": "brava"}, deps.vault.seal('{"api_key": "k"}')
        session.execute(update(Connection).values(settings=key[0], sealed=key[1]))
    return scene


def replies(scene: Scene) -> list[Reply]:
    with scene.deps.store.read() as session:
        return list(session.scalars(select(Reply).order_by(Reply.id)))


def test_without_the_right_or_in_another_part_nothing_is_written(scene: Scene) -> None:
    client = scene.client()
    for thread_id in (scene.hidden, scene.elsewhere, 10**6):
        assert post(client, f"/keep/{thread_id}/answer", text=WORDS).status_code in (403, 422)
    with scene.deps.store.write() as session:
        session.execute(update(GrantRow).values(capabilities=["see", "hide"]))
    assert 'id="answer"' not in client.get(f"/keep/{scene.thread}").text
    assert post(client, f"/keep/{scene.thread}/answer", text=WORDS).status_code == 403
    assert replies(scene) == []


def test_it_waits_for_somebody_of_the_brand_and_comes_back_or_goes(scene: Scene) -> None:
    client, manager = scene.client(), scene.client("manager")
    assert 'id="answer"' in client.get(f"/keep/{scene.thread}").text
    assert post(client, f"/keep/{scene.thread}/answer", text="  ").status_code == 422
    assert post(client, f"/keep/{scene.thread}/answer", text=WORDS).status_code == 303
    assert post(client, f"/keep/{scene.thread}/answer", text="Another").status_code == 422, "one at a time"
    (reply,) = replies(scene)
    assert (reply.state, reply.text) == ("waiting", WORDS)
    assert WORDS in manager.get("/approvals").text
    back = post(manager, f"/approvals/{reply.id}/reject", version=reply.version, note="Name the part.")
    assert back.status_code == 303, back.text
    assert "Name the part." in client.get(f"/keep/{scene.thread}").text
    assert post(client, f"/keep/{scene.thread}/answer", text=WORDS + " The burrs.").status_code == 303
    (reply,) = replies(scene)
    yes = post(manager, f"/approvals/{reply.id}/approve", version=reply.version)
    assert yes.status_code == 303, yes.text
    with scene.deps.store.read() as session:
        action = session.scalars(select(Action)).one()
        kinds = set(session.scalars(select(AuditEntry.kind)))
    assert (action.kind, action.state, action.text) == ("reply", "approved", WORDS + " The burrs.")
    assert replies(scene)[0].approver_id == action.person_id != replies(scene)[0].writer_id
    assert {"reply:submit", "reply:reject", "reply:release"} <= kinds


def test_a_grant_that_is_over_writes_nothing_more(scene: Scene) -> None:
    client = scene.client()
    assert post(client, f"/keep/{scene.thread}/answer", text=WORDS).status_code == 303
    with scene.deps.store.write() as session:
        session.execute(update(GrantRow).values(state="revoked"))
    assert post(client, f"/keep/{scene.thread}/answer", text=WORDS).status_code == 403
    assert len(replies(scene)) == 1


def suggested(scene: Scene) -> Reply:
    assert post(scene.client(), f"/keep/{scene.thread}/answer", text=WORDS).status_code == 303
    (reply,) = replies(scene)
    assert reply.state == "waiting"
    return reply


def end(scene: Scene, how: str) -> None:
    """The grant ends, as it does by itself or by a manager."""
    with scene.deps.store.write() as session:
        row = session.scalars(select(GrantRow)).one()
        manager = as_known(session, session.scalars(select(Person).where(Person.role == "manager")).one())
        if how == "expire":
            row.ends_at = scene.deps.now()
    if how == "expire":
        assert grants.expire_due(scene.deps) == 1
    elif how == "brake":
        with scene.deps.store.write() as session:
            grants.brake(scene.deps, session, row.id, "Too fast.")
    else:
        getattr(grants, how)(scene.deps, row.id, manager, "No more.")


@pytest.mark.parametrize("how", ["revoke", "suspend", "expire", "brake"])
def test_an_answer_does_not_outlive_the_grant_it_was_written_by(scene: Scene, how: str) -> None:
    reply = suggested(scene)
    end(scene, how)
    (back,) = replies(scene)
    assert (back.state, back.text) == ("returned", WORDS)
    manager = scene.client("manager")
    for version in (reply.version, back.version):
        assert post(manager, f"/approvals/{reply.id}/approve", version=version, text=WORDS).status_code == 409
    page = manager.get("/approvals").text
    assert "The rights of its author ended" in page
    assert f"/approvals/{reply.id}/approve" not in page
    with scene.deps.store.read() as session:
        assert not session.scalars(select(Action)).all()
        assert "reply:end" in set(session.scalars(select(AuditEntry.kind)))


def test_between_the_end_of_a_grant_and_the_job_nobody_approves(scene: Scene) -> None:
    reply, manager = suggested(scene), scene.client("manager")
    with scene.deps.store.write() as session:
        session.execute(update(GrantRow).values(ends_at=scene.deps.now()))
    answer = post(manager, f"/approvals/{reply.id}/approve", version=reply.version, text=WORDS + " And more.")
    assert (answer.status_code, "The rights of its author ended" in answer.text) == (422, True)
    assert [one.text for one in replies(scene)] == [WORDS]
    with scene.deps.store.read() as session:
        assert not session.scalars(select(Action)).all()


def test_with_another_grant_for_the_same_part_it_goes_on_waiting(scene: Scene) -> None:
    suggested(scene)
    with scene.deps.store.write() as session:
        row = session.scalars(select(GrantRow)).one()
        kept = {c.key: getattr(row, c.key) for c in GrantRow.__mapper__.column_attrs if c.key != "id"}
        session.add(GrantRow(**kept))
        row.ends_at = scene.deps.now()
    assert grants.expire_due(scene.deps) == 1
    assert [one.state for one in replies(scene)] == ["waiting"]


def test_nobody_else_drops_it_and_only_while_it_waits_so(scene: Scene) -> None:
    reply, manager = suggested(scene), scene.client("manager")
    drop = f"/approvals/{reply.id}/drop"
    assert post(manager, drop, version=reply.version, note="No.").status_code == 409, "it is sent, or rejected"
    assert post(manager, f"/approvals/{reply.id}/reject", version=reply.version, note="Why?").status_code == 303
    (back,) = replies(scene)
    assert post(manager, drop, version=back.version, note="No.").status_code == 409, "it is its author's"
    suggested(scene)
    end(scene, "revoke")
    (back,) = replies(scene)
    for role in ("rock_star", "analyst", "responder"):
        assert post(scene.client(role), drop, version=back.version, note="No.").status_code in (403, 422), role
    silent = post(manager, drop, version=back.version, note=" \0")
    assert (silent.status_code, "a dropped answer needs a note" in silent.text) == (422, True)
    assert [(one.state, one.version) for one in replies(scene)] == [("returned", back.version)]


def test_it_is_dropped_with_a_note_for_its_author(scene: Scene) -> None:
    reply, manager = suggested(scene), scene.client("manager")
    end(scene, "suspend")
    (back,) = replies(scene)
    with scene.deps.store.write() as session:
        session.execute(update(BrandAccount).values(state="closed"))
    assert post(manager, f"/approvals/{reply.id}/take", version=back.version).status_code == 422, "out of use"
    dropped = {"version": back.version, "note": "The part is\0 sold no more."}
    assert post(manager, f"/approvals/{reply.id}/drop", **dropped).status_code == 303
    assert WORDS not in manager.get("/approvals").text
    late = post(scene.client("owner"), f"/approvals/{reply.id}/drop", **dropped)
    assert (late.status_code, "changed after you opened it" in late.text) == (409, True)
    with scene.deps.store.write() as session:
        session.execute(update(BrandAccount).values(state="active"))
        session.execute(update(GrantRow).values(state="active"))
        entry = session.scalars(select(AuditEntry).where(AuditEntry.kind == "reply:drop")).one()
        assert (entry.reason, entry.subject) == ("The part is sold no more.", f"reply:{reply.id}")
        assert entry.actor.startswith("person:")
    page = scene.client().get(f"/keep/{scene.thread}").text
    assert "not used" in page
    assert "The part is sold no more." in page


def test_somebody_of_the_brand_takes_it_over_under_their_own_name(scene: Scene) -> None:
    reply, manager = suggested(scene), scene.client("manager")
    take = f"/approvals/{reply.id}/take"
    assert post(manager, take, version=reply.version).status_code == 409, "it waits: nobody takes it"
    end(scene, "revoke")
    (back,) = replies(scene)
    for role in ("rock_star", "analyst", "responder"):
        assert post(scene.client(role), take, version=back.version).status_code in (403, 422), role
    assert post(manager, take, version=back.version).headers["Location"].endswith(f"/replies/{reply.id}")
    assert post(scene.client("owner"), take, version=back.version).status_code == 409, "taken"
    (mine,) = replies(scene)
    assert (mine.state, mine.text, mine.note, mine.wants) == ("draft", WORDS, "", [])
    assert WORDS not in manager.get("/approvals").text
    assert post(manager, f"/replies/{reply.id}/send", version=mine.version, text=WORDS).status_code == 303
    with scene.deps.store.read() as session:
        action = session.scalars(select(Action)).one()
        assert session.get_one(Person, action.person_id).role == "manager"
        assert session.get_one(Reply, reply.id).writer_id == action.person_id
