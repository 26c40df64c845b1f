"""What is kept about somebody, given out; how long words are kept; the commands."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from moderation.errors import BadInput, NotAllowed
from service.cli import cli
from service.db.grant_tables import ModerationAct
from service.db.models import AuditEntry, Author, Case, Connection, Message, Person
from service.db.redress_tables import Appeal, Notice, Statement
from service.db.report_tables import ReportRow
from service.usecases import keeping, privacy
from service.usecases.people import Known, as_known, create_person
from tests.service.erasing_support import CANARY, HANDLE, HERS, LATER, NAME, OTHER, REMOTE, WORDS, Kept, fill, forum
from tests.service.intake_support import START, post
from tests.service.test_erasing import NEEDLES, THEIRS, found

OLD = START - timedelta(days=400)
SECTIONS = {
    *("author", "messages", "answers", "reports_by", "reports_about", "acts", "statements", "appeals", "notices"),
    *("grants", "rights", "rights_found", "standings", "marks", "deeds", "praise", "badges", "listing", "sign_ins"),
    "deliveries",
}


def document(kept: Kept) -> dict[str, list[dict[str, Any]]]:
    return {name: list(rows) for name, rows in privacy.export(kept.desk.deps, kept.author_id, kept.by)}


def test_everything_about_somebody_is_in_the_document() -> None:
    kept = forum()
    fill(kept)
    told = document(kept)
    assert set(told) == SECTIONS
    assert [name for name, rows in told.items() if not rows] == []
    (author,) = told["author"]
    assert (author["handle"], author["name"], author["remote_id"], author["read"]) == (HANDLE, NAME, REMOTE, True)
    first = told["messages"][0]
    assert first["text"] == WORDS
    assert first["revisions"][0]["scores"][0]["urgency"] > 0
    assert WORDS in told["deliveries"][0]["raw"]
    assert told["statements"][0]["body"]["reason"] == CANARY
    json.dumps(told)
    assert kept.desk.rows(AuditEntry.kind)[-1] == ("privacy:export",)


def test_who_complained_and_who_decided_is_not_told() -> None:
    kept = forum()
    fill(kept)
    told = document(kept)
    assert "reporter_id" not in told["reports_about"][0]
    assert "text" not in told["reports_about"][0]
    assert told["reports_by"][0]["text"] == CANARY
    assert not [name for rows in told.values() for row in rows for name in row if name in ("person_id", "writer_id")]


def test_a_handle_on_two_connections_must_be_told_apart() -> None:
    kept = forum()
    with kept.desk.deps.store.write() as session:
        other = Connection(name="other", connector="archive", settings={}, created_at=START)
        session.add(other)
        session.flush()
        session.add(Author(connection_id=other.id, remote_id="x", handle=f"@{HANDLE}", first_seen_at=START))
    deps = kept.desk.deps
    with pytest.raises(BadInput, match="Several authors"):
        privacy.find_author(deps, HANDLE)
    assert privacy.find_author(deps, f"@{HANDLE}", "forum") == kept.author_id
    assert privacy.find_author(deps, str(kept.author_id)) == kept.author_id
    with pytest.raises(BadInput):
        privacy.find_author(deps, "nobody")


# ------------------------------------------------------------------ retention


def old_forum() -> Kept:
    """Two conversations of last year, and one of today."""
    kept = forum()
    for number in (41, 42, 45):
        topic = {"topic_id": number, "topic_title": f"Old {number}", "post_number": 1}
        at = OLD.isoformat()
        kept.desk.tell(post(number, f"Old words {number}.", created_at=at, updated_at=at, **topic))
    kept.desk.read()
    return kept


def test_words_past_their_days_are_emptied_and_do_not_come_again() -> None:
    kept = old_forum()
    deps = kept.desk.deps
    assert keeping.purge_words(deps) == 0
    keeping.keep_for(deps, kept.desk.forum, 365, kept.by)
    assert keeping.purge_words(deps) == 3
    assert keeping.purge_words(deps) == 0
    at = OLD.isoformat()
    kept.desk.tell(
        post(41, "Old words 41.", created_at=at, updated_at=at, version=2, topic_id=41, topic_title="Old 41")
    )
    kept.desk.read()
    texts = kept.desk.texts()
    assert [texts[n] for n in ("41", "42", "45")] == ["", "", ""]
    assert texts["2"] == OTHER
    assert "Old words" not in str(found(kept, "Old words"))
    assert found(kept, "Old words 42") == {}
    keeping.keep_for(deps, kept.desk.forum, None, kept.by)
    assert keeping.kept_days(deps) == {}


def test_what_somebody_works_with_or_can_contest_stays() -> None:
    kept = old_forum()
    deps = kept.desk.deps
    fill(kept)
    here = {"connection_id": kept.desk.forum}
    with deps.store.write() as session:
        old = select(Message).where(Message.remote_id.in_(("41", "42", "45"))).order_by(Message.remote_id)
        worked_on, reported, contested = session.scalars(old)
        community = session.scalars(select(Case.community_id)).first()
        session.add(
            Case(state="escalated", lane="needs", thread_id=worked_on.thread_id, community_id=community, **here)
        )
        seen = {"at": START, "seen_at": START, "reason": "spam", "outcome": "open", **here}
        session.add(ReportRow(remote_id="r9", message_id=reported.id, **seen))
        statement = session.scalars(select(Statement)).one()
        act = update(ModerationAct).where(ModerationAct.action_id == statement.action_id)
        session.execute(act.values(message_id=contested.id))
    keeping.keep_for(deps, kept.desk.forum, 30, kept.by)
    assert keeping.purge_words(deps) == 0
    with deps.store.write() as session:
        session.execute(update(Case).values(state="closed", open=False, lane="decided"))
        session.execute(update(ReportRow).values(outcome="upheld"))
    assert keeping.purge_words(deps) == 2
    kept.desk.clock.pass_time(200 * 86_400)
    keeping.purge(deps)
    assert kept.desk.texts()["45"] == "Old words 45."
    with deps.store.write() as session:
        session.execute(update(Appeal).values(state="upheld"))
        session.execute(update(Notice).values(state="rejected"))
    keeping.purge(deps)
    assert set(kept.desk.texts().values()) == {""}


def test_days_that_cannot_be_and_people_who_may_not_are_refused() -> None:
    kept = forum()
    deps = kept.desk.deps
    for days in (0, -1, keeping.LONGEST_KEPT + 1):
        with pytest.raises(BadInput):
            keeping.keep_for(deps, kept.desk.forum, days, kept.by)
    create_person(deps, "lin", "analyst", "a long enough pass phrase 4711")
    lin = _known(kept, "lin")
    with pytest.raises(NotAllowed):
        keeping.keep_for(deps, kept.desk.forum, 30, lin)
    assert keeping.kept_days(deps) == {}


# ------------------------------------------------------------------ commands


def test_the_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    kept = forum()
    fill(kept)
    monkeypatch.setattr("service.cli.privacy.deps", lambda: kept.desk.deps)
    by = ("--by", "marta")
    out = tmp_path / "quilla.json"
    printed = json.loads(_run("export", HANDLE, *by).stdout)
    assert {"format", "made_at"} | SECTIONS == set(printed)
    told = json.loads(_run("export", HANDLE, "--out", str(out), "--json", *by).stdout)
    assert told["rows"]["messages"] == len(json.loads(out.read_text())["messages"]) == 2
    assert out.stat().st_mode & 0o077 == 0
    assert json.loads(_run("retention", "forum", "--days", "365", "--json", *by).stdout)["days"] == 365
    assert "as long as the desk is" in _run("retention", "forum", "--days", "off", *by).stdout
    assert _run("erase", HANDLE, *by, input="n\n").exit_code == 1
    assert kept.desk.texts()["1"] == WORDS
    proof = json.loads(_run("erase", HANDLE, "--yes", "--json", *by).stdout)
    assert proof["finished"]
    assert proof["chain_ok"]
    assert found(kept, *NEEDLES) == THEIRS
    again = _run("erase", str(kept.author_id), "--yes", *by)
    assert again.exit_code == 0
    assert "The audit log is whole." in again.stdout


def test_the_command_to_opt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = forum()
    monkeypatch.setattr("service.cli.privacy.deps", lambda: kept.desk.deps)
    assert json.loads(_run("opt-out", HANDLE, "--json", "--by", "marta").stdout)["emptied"]["message"] == 2
    kept.desk.tell(post(8, WORDS, **HERS, created_at=LATER.isoformat()))
    kept.desk.read()
    assert "8" not in kept.desk.texts()
    assert "read again" in _run("opt-out", HANDLE, "--end", "--by", "marta").stdout


def _run(*arguments: str, input: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["privacy", *arguments], input=input)


def _known(kept: Kept, username: str) -> Known:
    with kept.desk.deps.store.read() as session:
        return as_known(session, session.scalars(select(Person).where(Person.username == username)).one())
