"""On the sandbox forum, over HTTP: who wrote it reads in private why it was hidden, once, and may contest it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from moderation.model import Capability
from service.db.models import Author, Message
from service.db.redress_tables import Statement
from service.usecases import acting, appeal_links, appealed, appeals, statements
from service.usecases.moderating import Wish, act
from service.usecases.people import create_person
from tests.service.grants_support import PASSWORD, known, trusted


def test_the_author_alone_reads_why_and_what_became_of_the_appeal(tmp_path: Path) -> None:
    with trusted(tmp_path) as trust:
        deps = replace(
            trust.deps, settings=trust.deps.settings.model_copy(update={"public_url": "https://desk.example"})
        )
        create_person(deps, "cleo", "manager", PASSWORD)
        thread_id, message_id = trust.message_of_others()
        act(deps, Wish(Capability.HIDE, thread_id, "It attacks people.", message_id), trust.manager)

        def work() -> list[tuple[set[str], str]]:
            """(who may read it, its words) of each private message on the forum, after a while."""
            for _ in range(3):
                trust.desk.clock.pass_(seconds=11)
                acting.perform_due(deps)
                statements.tell_due(deps)
            with trust.desk.box.world.lock:
                forum = trust.desk.box.world.forum
                private = [t for t in forum.topics.values() if t.archetype == "private_message"]
                return [(set(t.participants), forum.posts[t.post_ids[0]].raw) for t in private]

        with deps.store.read() as session:
            author = session.get_one(Author, session.get_one(Message, message_id).author_id).handle
            token = appeal_links.token_of(deps, session.scalars(select(Statement.id)).one())
        [(readers, words)] = work()
        assert author in readers
        assert len(readers) == 2
        assert f"https://desk.example/appeal/{token}" in words
        assert appealed.untold(deps) == []
        appeal_id = appeals.contest(deps, token, "I was quoting.")
        assert appeals.decide(deps, appeal_id, known(deps, "cleo"), "overturned", "It was a quotation.") is not None
        assert [one for _, one in work() if "you were right" in one]
        assert len(work()) == 2
