"""Answers by holders of a grant: judged by the brand's people, never sent by themselves, in their own part only."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select, update

from service.db.grant_tables import GrantRow
from service.db.models import Action, AuditEntry, Connection
from service.db.reply_tables import BrandAccount, Reply
from service.deps import Deps
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
