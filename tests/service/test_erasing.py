"""Erasing somebody: nothing of theirs is left, nothing comes again, whatever broke it off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from moderation.errors import NotAllowed
from moderation.scoring.contract import Score, Text
from service.db.audit import Entry, append, verify
from service.db.base import Base
from service.db.grant_tables import GrantRow, PlatformRight
from service.db.models import Action, Author, DeliveryRow, Message, Person, Revision, Thread
from service.db.privacy_tables import Unread
from service.db.traces import GONE, Traces, without
from service.usecases import erasing, keeping, privacy
from service.usecases.erasing import erase
from service.usecases.intake import process_deliveries
from service.usecases.people import as_known, create_person
from tests.service.erasing_support import HANDLE, HERS, LATER, NAME, OTHER, REMOTE, WORDS, Kept, fill, forum, found
from tests.service.intake_support import Crash, deletion, post

NEEDLES = (HANDLE, NAME, REMOTE, "zebra umbrella", "Zebra umbrella for my pump")
#: Words of somebody else, and a word that the desk watches for.
THEIRS = {"message.text": 1, "revision.text": 1}


def test_who_may_not_manage_erases_nobody() -> None:
    kept = forum()
    create_person(kept.desk.deps, "lin", "responder", "a long enough pass phrase 4711")
    with kept.desk.deps.store.read() as session:
        lin = as_known(session, session.scalars(select(Person).where(Person.username == "lin")).one())
    before = found(kept, *NEEDLES)
    with pytest.raises(NotAllowed):
        erase(kept.desk.deps, kept.author_id, lin)
    with pytest.raises(NotAllowed):
        privacy.export(kept.desk.deps, kept.author_id, lin)
    assert found(kept, *NEEDLES) == before


def test_every_table_that_can_tell_of_somebody_is_filled_for_these_tests() -> None:
    kept = forum()
    fill(kept)
    with kept.desk.deps.store.read() as session:
        empty = {t.name for t in Base.metadata.sorted_tables if session.execute(select(t).limit(1)).first() is None}
    telling = {
        table.name
        for table in Base.metadata.sorted_tables
        if {key.column.table.name for key in table.foreign_keys}
        & {"author", "message", "revision", "reply", "statement"}
    }
    assert not telling & empty


def test_nothing_of_them_is_left_and_the_log_is_whole() -> None:
    kept = forum()
    fill(kept)
    with kept.desk.deps.store.write() as session:
        append(session, kept.desk.deps.vault, Entry("case:note", "x", "case:1", f"@{HANDLE} was rude"), LATER)
    assert len(found(kept, *NEEDLES)) > 30
    proof = erase(kept.desk.deps, kept.author_id, kept.by)
    assert found(kept, *NEEDLES) == THEIRS | {"audit_entry.reason": 1}
    assert proof.finished
    assert {(left.table, left.column): why for left, why in proof.left} == {
        ("audit_entry", "reason"): "the audit log is never changed",
        ("message", "text"): "words of other people",
        ("revision", "text"): "words of other people",
    }
    assert proof.looked_for >= 4
    assert {
        "message",
        "revision",
        "score",
        "thread",
        "delivery",
        "author",
        "identity",
        "person",
    } <= proof.emptied.keys()
    assert kept.desk.texts() == {"1": "", "2": OTHER, "3": ""}
    with kept.desk.deps.store.read() as session:
        assert verify(session, kept.desk.deps.vault) == []
        assert session.scalars(select(Person).where(Person.role == "rock_star")).one().audit_salt == ""


def test_what_others_need_stays_as_a_shell() -> None:
    kept = forum()
    fill(kept)
    erase(kept.desk.deps, kept.author_id, kept.by)
    with kept.desk.deps.store.read() as session:
        author = session.get_one(Author, kept.author_id)
        assert author.handle == f"erased-{author.id}"
        assert author.remote_id.startswith("erased:")
        assert session.scalars(select(Thread.title)).all() == [""]
        silence = session.scalars(select(Action).where(Action.kind == "silence")).one()
        assert (silence.target, silence.options) == (GONE, None)
        assert session.scalars(select(GrantRow.reason)).all() == [GONE]


def test_sqlite_keeps_nothing_in_its_file() -> None:
    kept = forum()
    fill(kept)
    if kept.desk.deps.store.postgres:
        pytest.skip("PostgreSQL sees to its own files")
    proof = erase(kept.desk.deps, kept.author_id, kept.by)
    kept.desk.deps.store.engine.dispose()
    folder = kept.desk.deps.settings.data_dir
    assert proof.scoured
    assert not [p for p in folder.glob("tenth.db*") if b"zebra umbrella sings at midnight" in p.read_bytes()]


def test_what_was_erased_never_comes_again() -> None:
    kept = forum()
    erase(kept.desk.deps, kept.author_id, kept.by)
    title = {"topic_id": 900, "topic_title": "A zebra umbrella for my pump"}
    edited = {"version": 9, "updated_at": LATER.isoformat()}
    kept.desk.clock.pass_time(60)
    kept.desk.tell(
        post(1, WORDS, **HERS, **title, **edited),
        post(3, WORDS, "post_recovered", **HERS, **title, **edited),
        post(2, OTHER, **title, **edited),
    )
    kept.desk.read()
    assert set(found(kept, HANDLE, NAME, "zebra umbrella")) == {"message.text", "revision.text", "delivery.body"}
    assert kept.desk.texts() == {"1": "", "2": OTHER, "3": ""}
    names = kept.desk.rows(DeliveryRow.body)
    assert not [body for (body,) in names if WORDS.encode() in body]


@pytest.mark.parametrize(("keep_out", "kept_words"), [(False, True), (True, False)])
def test_who_writes_again_is_new_or_is_kept_out(*, keep_out: bool, kept_words: bool) -> None:
    kept = forum()
    erase(kept.desk.deps, kept.author_id, kept.by, keep_out=keep_out)
    kept.desk.clock.pass_time(7200)
    at = (kept.desk.clock.at - timedelta(minutes=1)).isoformat()
    kept.desk.tell(post(8, "Hello again from me.", **HERS, created_at=at, updated_at=at))
    kept.desk.read()
    assert ("8" in kept.desk.texts()) is kept_words
    assert bool(found(kept, HANDLE, REMOTE)) is True  # ann's words name her
    assert ("author.handle" in found(kept, HANDLE)) is kept_words


def test_somebody_erased_while_they_are_read_stays_out() -> None:
    kept = forum()
    kept.desk.tell(post(8, WORDS, **HERS))
    closed = replace(kept.desk.deps, scorer=_Erases(kept))
    while process_deliveries(closed):
        pass
    assert "8" not in kept.desk.texts()
    assert found(kept, "zebra umbrella") == {}


@pytest.mark.parametrize("after", [False, True])
def test_broken_off_anywhere_the_next_run_ends_it(after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "BLOCK", 1)
    kept = forum()
    fill(kept)
    step = 1
    while step < 60:
        try:
            erase(kept.desk.breaking(step, after=after), kept.author_id, kept.by)
        except Crash:
            step += 3
        else:
            break
    assert step > 4
    proof = erase(kept.desk.deps, kept.author_id, kept.by)
    assert proof.finished
    assert found(kept, *NEEDLES) == THEIRS


def test_a_right_on_a_platform_must_be_gone_before_the_name_is() -> None:
    kept = forum()
    with kept.desk.deps.store.write() as session:
        community = session.scalars(select(Thread.community_id)).first()
        at = kept.desk.clock.at
        session.add(
            PlatformRight(
                connection_id=kept.desk.forum,
                community_id=community,
                author_id=kept.author_id,
                state="taking",
                error="The forum does not answer.",
                decided_at=at,
                due_at=at + timedelta(hours=1),
            )
        )
    proof = erase(kept.desk.deps, kept.author_id, kept.by)
    assert not proof.finished
    assert "The forum does not answer." in proof.waiting[0]
    assert found(kept, HANDLE)["author.handle"] == 1
    assert kept.desk.texts()["1"] == ""
    with kept.desk.deps.store.write() as session:
        session.scalars(select(PlatformRight)).one().state = "gone"
    assert erase(kept.desk.deps, kept.author_id, kept.by).finished
    assert "author.handle" not in found(kept, HANDLE)


def test_an_act_to_come_knows_whom_it_is_about_until_it_is_done() -> None:
    kept = forum()
    fill(kept)
    with kept.desk.deps.store.write() as session:
        session.execute(update(Action).where(Action.kind == "silence").values(state="approved"))
    proof = erase(kept.desk.deps, kept.author_id, kept.by)
    assert proof.finished
    assert proof.pending == 1
    assert found(kept, REMOTE) == {"action.target": 1}
    with kept.desk.deps.store.write() as session:
        session.execute(update(Action).values(state="done"))
    keeping.purge(kept.desk.deps)
    assert found(kept, REMOTE) == {}


def test_a_name_that_is_a_word_is_taken_out_where_it_is_a_name() -> None:
    traces = Traces(1, 1, "7", ("bean", "Sunny"))
    said = "Sunny (@bean) says: a sunny day, @beans and a Bean."
    assert without(said, traces.far) == f"Sunny ({GONE}) says: a sunny day, @beans and a Bean."
    assert without({"a": [said]}, traces.near) == {"a": [f"{GONE} ({GONE}) says: a sunny day, @beans and a {GONE}."]}


def test_again_is_the_same() -> None:
    kept = forum()
    erase(kept.desk.deps, kept.author_id, kept.by)
    again = erase(kept.desk.deps, kept.author_id, kept.by)
    assert again.finished
    assert again.emptied == {}
    assert kept.desk.rows(Unread.why) == [("erased",)]


def test_who_opts_out_is_neither_kept_nor_scored() -> None:
    kept = forum()
    privacy.opt_out(kept.desk.deps, kept.author_id, kept.by)
    erasing.forget_words(kept.desk.deps, kept.author_id)
    kept.desk.tell(post(8, WORDS, **HERS, created_at=LATER.isoformat()), deletion(2))
    kept.desk.read()
    assert set(kept.desk.texts().values()) == {""}
    hers = select(Revision.id).join(Message).where(Message.author_id == kept.author_id)
    with kept.desk.deps.store.read() as session:
        assert session.scalars(hers).all() == []
    privacy.opt_in(kept.desk.deps, kept.author_id, kept.by)
    kept.desk.tell(post(9, "I am back.", **HERS))
    kept.desk.read()
    assert kept.desk.texts()["9"] == "I am back."


class _Erases:
    """A scorer while which works she is erased."""

    name, version = "erases", "1"

    def __init__(self, kept: Kept) -> None:
        self.kept = kept

    def score(self, texts: Sequence[Text]) -> list[Score]:
        assert erase(self.kept.desk.deps, self.kept.author_id, self.kept.by).emptied
        return self.kept.desk.deps.scorer.score(texts)
