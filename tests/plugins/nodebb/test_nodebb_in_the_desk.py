"""The desk on the sandbox's NodeBB: connected, read, judged, and an answer sent by the one door there is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import select

from moderation.model import Capability
from service.app import create_app
from service.config import load_settings
from service.db.models import Author, Case, Community, Message, Person
from service.deps import deps_of
from service.usecases import acting, intake, polling, triage
from service.usecases.connections import connect, set_shadow
from service.usecases.people import ensure_owner
from service.usecases.storage import ready_schema
from tests.sandbox_server import running_sandbox
from tests.service.acting_support import Clock

ANSWER = "Please switch it off at the wall; we are looking into it right now."


def test_a_forum_is_connected_read_and_answered(tmp_path: Path) -> None:
    clock = Clock()
    with running_sandbox(now=clock) as box:
        hosts = frozenset({urlsplit(box.url).netloc})
        app = create_app(load_settings(data_dir=tmp_path, allow_private_hosts=hosts), web=False)
        ready_schema(app)
        deps = replace(deps_of(app), now=clock)
        given = {"url": f"{box.url}/nodebb", "token": box.world.options.nodebb_token, "uid": "1"}
        connection_id, check = connect(deps, "nodebb", "forum", given, "test")
        assert check is not None
        assert check.missing == ()
        for _ in range(6):
            polling.poll_connection(deps, connection_id)
        while intake.process_deliveries(deps):
            pass
        triage.triage_due(deps)
        ensure_owner(deps)
        with deps.store.read() as session:
            assert len(session.scalars(select(Message)).all()) == 4
            assert {c.remote_id: c.restricted for c in session.scalars(select(Community))} == {"5": False, "7": True}
            assert {a.handle for a in session.scalars(select(Author))} >= {"ines", "marc", "tomoko"}
            leak = session.scalars(select(Message).where(Message.addressed)).one()
            case = session.scalars(select(Case).where(Case.thread_id == leak.thread_id)).one()
            person_id, case_id, target = session.scalars(select(Person.id)).one(), case.id, leak.remote_id
        set_shadow(deps, connection_id, False, "test")
        action_id = acting.approve(deps, case_id, Capability.REPLY, target, ANSWER, person_id)
        clock.pass_(seconds=11)
        assert acting.perform_action(deps, action_id) == "done"
        assert [p.raw for p in box.world.forum.posts.values() if p.username == "brava"] == [ANSWER]
