"""The trial of `tenth selftest replies`, small, on the database of the run; the real one is in tests/soak."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner
from sandbox_server import Running, running_sandbox
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine

from service.cli import cli
from service.config import load_settings
from service.db.models import Action
from service.db.reply_tables import Reply
from service.deps import utc_now
from service.selftest import replies_clock, replies_points
from service.selftest.browser import Fields
from service.selftest.place import DATABASE_VARIABLE
from service.selftest.replies import Plan, Result, try_replies
from service.selftest.replies_clock import Clock
from service.selftest.replies_count import MARK, Tally, add
from service.selftest.replies_crew import TARGETS, Kills
from service.selftest.replies_inside import role_of, write_inside
from service.selftest.replies_person import Task
from service.selftest.replies_platform import MODES, SHARES
from service.selftest.replies_points import POINTS, Point
from service.selftest.replies_sandbox import story
from service.selftest.replies_server import OPENING, Server, try_server
from service.selftest.replies_slips import Slips
from service.supervisor import Supervisor

#: Each kill costs the start of a process: a point of each role, and one at random.
SMALL = Plan(
    replies=9, kills=1, random_kills=1, speed=60.0, points={"after_release_commit", "in_call", "after_done_commit"}
)


def say(words: str) -> None:
    """Trials report their progress; a test has no use for it."""


@pytest.mark.soak
def test_every_answer_is_posted_once_or_waits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.environ.get("TENTH_TEST_POSTGRES") == "1":
        monkeypatch.setenv(DATABASE_VARIABLE, request.getfixturevalue("postgres_server"))
    result = try_replies(SMALL, say)
    assert (result.doubled, result.lost, result.astray) == (0, 0, 0), result.to_json()
    assert result.good
    assert result.approved == 9
    assert result.posted + result.waiting - result.there + result.returned == 9
    assert result.posted > 2
    assert set(result.killed) <= {*(f"{role}_at_random" for role in TARGETS), *SMALL.points}
    assert result.kills >= 2
    assert set(result.spoiled) <= set(SHARES)
    assert sum(result.spoiled.values()) > 1
    assert set(result.modes) == set(MODES)


@pytest.mark.soak
@pytest.mark.parametrize("connector", ["mastodon", "discourse"])
def test_a_real_server_is_tried_in_a_thread_of_its_own(connector: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_sandbox() as box:
        monkeypatch.setenv("TENTH_ALLOW_PRIVATE_HOSTS", box.url.removeprefix("http://"))
        given = {"url": box.url, "token": box.mastodon.token}
        if connector == "discourse":
            given = {"url": box.url, "api_key": box.discourse.api_key, "api_username": box.discourse.api_username}
        before = _books(box)
        result = try_server(Server(connector, given), Plan(replies=3, kills=0, random_kills=0, speed=1.0), say)
        new = _books(box)[len(before) :]
        wide = {one.visibility for one in box.world.fedi.statuses.values() if MARK.search(one.text)}
    assert (result.approved, result.posted, result.good) == (3, 3, True), result.to_json()
    assert new[0] == OPENING
    assert len({mark for text in new for mark in MARK.findall(text)}) == len(new) - 1 == 3
    assert wide <= {"unlisted"}


def _books(box: Running) -> list[str]:
    books = box.control("GET", "/said/brava")
    return [one["text"] for one in (*books["posts"], *books["statuses"])]


def test_nothing_is_posted_on_a_real_server_without_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["selftest", "replies", "--url", "https://social.example.org"]
    monkeypatch.setattr("service.cli.selftest.try_server", lambda *_: pytest.fail("posted without a yes"))
    assert CliRunner().invoke(cli, asked).exit_code == 2
    refused = CliRunner().invoke(cli, [*asked, "--connector", "mastodon", "--token", "secret-token"], input="n\n")
    assert refused.exit_code == 1
    assert OPENING in refused.output
    assert "secret-token" not in refused.output


# ------------------------------------------------------------------ what it is made of


def answer(state: str, reply_state: str, error: str = "", remote_id: str | None = None) -> tuple[Reply, Action]:
    return Reply(state=reply_state, error=error, remote_id=remote_id), Action(state=state)


@pytest.mark.parametrize(
    ("given", "ids", "expected"),
    [
        (answer("done", "sent", remote_id="7"), ["7"], {"posted": 1}),
        (answer("done", "sent", remote_id="7"), ["7", "8"], {"posted": 1, "doubled": 1}),
        (answer("done", "sent", remote_id="7"), ["8"], {"posted": 1, "astray": 1}),
        (answer("done", "sent", remote_id="7"), [], {"lost": 1}),
        (answer("unknown", "approved", "nobody knows"), [], {"waiting": 1}),
        (answer("unknown", "approved", "nobody knows"), ["7"], {"posted": 1, "waiting": 1, "there": 1}),
        (answer("unknown", "approved"), [], {"lost": 1}),
        (answer("failed", "returned", "refused"), [], {"returned": 1}),
        (answer("failed", "returned", "refused"), ["7"], {"posted": 1, "returned": 1, "astray": 1}),
        (answer("failed", "returned"), [], {"lost": 1}),
    ],
)
def test_answers_are_counted_on_the_platforms_side(
    given: tuple[Reply, Action], ids: list[str], expected: dict[str, int]
) -> None:
    tally = Tally()
    add(tally, *given, ids)
    assert tally == Tally(**expected)


def test_a_result_is_good_only_when_every_promise_is_kept() -> None:
    assert Result(approved=5, posted=4, waiting=1).good
    for broken in (Result(), Result(approved=1, doubled=1), Result(approved=1, lost=1), Result(approved=1, astray=1)):
        assert not broken.good


def test_the_clock_runs_faster_and_can_be_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(utc_now() - timedelta(seconds=10), 20.0)
    monkeypatch.setattr(replies_clock, "utc_now", lambda: clock.born + timedelta(seconds=10))
    assert clock() - clock.born == timedelta(seconds=200)
    assert Clock.read(str(clock)) == clock
    assert clock.real(60) == 3.0


def test_every_answer_has_a_word_of_its_own() -> None:
    tasks = [Task(case, number) for case in range(1, 400) for number in range(3)]
    marks = {task.mark for task in tasks}
    assert len(marks) == len(tasks)
    assert all(MARK.findall(task.text) == [task.mark] for task in tasks)


def test_a_story_has_a_conversation_for_each_answer() -> None:
    for mode in MODES:
        told = story(mode, 7, Clock(datetime(2026, 1, 1, tzinfo=UTC)))
        assert len(told.conversations) == 7
        assert all(f"@{told.brand}" in conversation.lines[0].text for conversation in told.conversations)


@pytest.mark.parametrize("point", ["before_done_commit", "after_done_commit"])
def test_a_point_at_a_commit_is_before_or_after_it(point: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/x.db")
    table = Table("outbox", MetaData(), Column("id", Integer, primary_key=True), Column("outcome", String))
    table.metadata.create_all(engine)
    seen: list[int] = []

    def ended() -> None:
        with create_engine(f"sqlite:///{tmp_path}/x.db").connect() as other:
            seen.append(len(other.execute(table.select().where(table.c.outcome == "done")).all()))

    with engine.begin() as first:
        first.execute(table.insert().values(outcome="sending"))
    monkeypatch.setattr(replies_points, "end_now", ended)
    replies_points.arm_commit(engine, replies_points.Point(point, passes=1))
    for outcome in ("done", "failed", "done"):
        with engine.begin() as session:
            session.execute(table.update().values(outcome=outcome))
    assert seen == ([0] if point.startswith("before") else [1])


def test_each_point_is_wanted_as_often_as_asked() -> None:
    wanted = Kills(2, 0).by_role(Random(1))
    assert {role: sorted(names) for role, names in wanted.items()} == {
        role: sorted([*names, *names]) for role, names in POINTS.items()
    }


def test_a_point_is_taken_by_one_process_and_comes_back_when_that_one_dies_otherwise(tmp_path: Path) -> None:
    slips = Slips(tmp_path / "points")
    slips.put({"web": ["before_call"], "worker": []}, {"web": 3, "worker": 0}, Random(2))
    assert slips.take("worker") is None
    other = subprocess.run(
        [sys.executable, "-c", _TAKES, str(slips.folder)], capture_output=True, text=True, check=True
    )
    assert other.stdout.startswith("before_call")
    assert slips.take("web") is None
    slips.give_back()
    point = slips.take("web")
    assert point is not None
    assert other.stdout.split() == [point.name, str(point.passes)]
    slips.give_back()  # we live, and keep it
    assert slips.take("web") is None
    assert not slips.died()


_TAKES = """
import sys
from pathlib import Path
from service.selftest.replies_slips import Slips
point = Slips(Path(sys.argv[1])).take("web")
print(point.name, point.passes)
"""


def test_what_a_process_died_of_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slips = Slips(tmp_path / "points")
    slips.put({"web": ["before_call", "in_call"]}, {"web": 0}, Random(2))
    monkeypatch.setattr(replies_points, "end_now", lambda: None)
    point = slips.take("web")
    assert isinstance(point, Point)
    point.reached()
    point.reached()
    slips.give_back()
    assert slips.died() == {"before_call": 1}


def test_the_trial_knows_the_processes_of_a_desk_by_their_commands() -> None:
    web = Supervisor("127.0.0.1", 1, sandbox=False)._web(load_settings())
    assert role_of([*web[2:]]) == "web"
    assert role_of(["/x/service/cli/__main__.py", "worker"]) == "worker"
    assert role_of(["/x/service/cli/__main__.py", "run", "--port", "1"]) == "supervisor"


@pytest.mark.parametrize(("clock", "code"), [("2026-01-01T00:00:00+00:00@5.0", 0), ("broken", 70)])
def test_a_process_that_cannot_be_made_one_of_the_trial_does_not_run(tmp_path: Path, clock: str, code: int) -> None:
    given = write_inside(tmp_path / "inside", clock, Slips(tmp_path))
    command, seen = [sys.executable, "-c", _WIRED], {"env": os.environ | given, "capture_output": True, "text": True}
    ended = subprocess.run(command, check=False, **seen)
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ("True\n" if code == 0 else "")


_WIRED = """
from service.app import create_app
from service.deps import deps_of, utc_now
print(deps_of(create_app(web=False)).now() > utc_now())
"""


def test_the_fields_of_a_page_are_read_as_a_browser_would_send_them() -> None:
    page = Fields()
    page.feed(
        '<form><input type="hidden" name="csrf_token" value="a&amp;b"><textarea name="text">x</textarea>'
        '<input type="file" name="picture"><input type="checkbox" name="now"><button name="saved" value="3">x</button>'
        '<select name="language"><option value="">none</option><option value="fr" selected>French</option></select>'
        '<select name="visibility"><option value="public">p</option><option value="unlisted">u</option></select></form>'
    )
    assert page.found == {"csrf_token": "a&b", "language": "fr", "visibility": "public"}
