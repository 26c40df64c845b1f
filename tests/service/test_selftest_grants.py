"""The trial of `tenth selftest grants`, small, on the database of the run; the real one is in tests/soak."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from plugins.contract import Holder
from service.cli import cli
from service.sandbox.forum import Group
from service.sandbox.options import Options
from service.sandbox.server import create_sandbox, serving
from service.selftest import grants, grants_platform, replies_points
from service.selftest.grants import Result
from service.selftest.grants_books import Effect, keep_books
from service.selftest.grants_count import Tally, accounted, count
from service.selftest.grants_person import Spell
from service.selftest.grants_platform import Platform, forum
from service.selftest.grants_points import EVERY_POINT
from service.selftest.place import DATABASE_VARIABLE
from service.selftest.replies_points import Point, arm_session
from tests.service.grants_support import keepers_story

#: With a fault after which nobody can be in doubt, since doubt takes ten minutes of the clock.
CLEAR = {"server_error": 0.2}
SMALL = ("--count", "2", "--calm", "0", "--kills", "0", "--random-kills", "1", "--speed", "20", "--json")


def plant(platform: Platform) -> None:
    """Behind everybody's back: a right in a group that moderates, and a post hidden by the brand's own key."""
    given = platform.told["discourse"]
    headers = {"Api-Key": given["api_key"], "Api-Username": given["api_username"]}
    with httpx.Client(base_url=platform.url, headers=headers, timeout=60, trust_env=False) as line:
        named = {group["name"]: group["id"] for group in line.get("/groups.json").json()["groups"]}
        group_id = next(number for name, number in named.items() if name.startswith("tenth-"))
        line.put(f"/groups/{group_id}/members.json", json={"usernames": "anouk_in_leeds"}).raise_for_status()
        line.delete("/posts/3.json").raise_for_status()


@pytest.mark.soak
def test_nobody_acts_outside_a_grant_and_what_is_planted_is_found(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run, counted twice: as it was, and after a right and an act were planted, which the command must see."""
    if os.environ.get("TENTH_TEST_POSTGRES") == "1":
        monkeypatch.setenv(DATABASE_VARIABLE, request.getfixturevalue("postgres_server"))
    found: list[Platform] = []
    honest: list[Tally] = []

    @contextmanager
    def watched(*given: Any) -> Iterator[Platform]:
        with forum(*given) as platform:
            found.append(platform)
            yield platform

    def counted(deps: Any, effects: Any, rights: Any, spells: Any) -> Tally:
        honest.append(count(deps, effects, rights, spells))
        found[0].heal()
        plant(found[0])
        return count(deps, found[0].effects(), found[0].rights(), spells)

    monkeypatch.setattr(grants_platform, "WRITES", CLEAR)
    monkeypatch.setattr(grants, "forum", watched)
    monkeypatch.setattr(grants, "count", counted)
    ended = CliRunner().invoke(cli, ["selftest", "grants", *SMALL])
    assert honest, f"{ended.output}\n{ended.exception}"
    was = honest[0]
    assert (was.outside, was.left, was.wrong, was.unaudited, was.chain_ok) == ([], [], [], 0, True)
    assert (was.grants, was.acts, was.refused) == (2, 2, 4)
    assert ended.exit_code == 1
    told = json.loads(ended.stdout)
    assert (told["acts_outside"], told["rights_left_on_platform"], told["good"]) == (2, 1, False)
    assert told["limits"] == {"admin_calls_per_minute": 600}
    assert 0 < told["stormy_revoke_p50_s"] <= told["stormy_revoke_p99_s"]


# ------------------------------------------------------------------ what it is made of

AT = datetime(2026, 1, 1, tzinfo=UTC)


def spell(**known: Any) -> Spell:
    held: dict[str, Any] = {"begun": AT, "ended": AT + timedelta(minutes=5), "asked": ["70"]}
    return Spell("nadia", "5", stormy=False, **(held | known))


def effect(what: str, subject: str, place: str, *, minutes: float = 1.0, made: bool = True) -> Effect:
    at = AT + timedelta(minutes=minutes)
    return Effect(at, at + timedelta(minutes=3), "brava", made, what, subject, place)


@pytest.mark.parametrize(
    ("seen", "well"),
    [
        (effect("hidden", "70", "5"), True),
        (effect("hidden", "70", "5", made=False), False),
        (effect("hidden", "70", "6"), False),
        (effect("hidden", "71", "5"), False),
        (effect("hidden", "70", "5", minutes=-0.1), False),
        (effect("hidden", "70", "5", minutes=5.1), False),
        (effect("member", "nadia", "tenth-5"), True),
        (effect("member", "nadia", "tenth-6"), False),
        (effect("member", "zoe", "tenth-5"), False),
        (effect("member", "zoe", "tenth-5", made=False), True),
        (effect("member", "nadia", "tenth-5", minutes=7), False),
        (effect("member", "nadia", "moderators"), False),
        (effect("group", "tenth-5", ""), True),
        (effect("group", "tenth-9", ""), False),
        (effect("moderated", "5", "tenth-5"), True),
        (effect("moderated", "6", "tenth-5"), False),
        (effect("permissions", "5", "[('everyone', 1)]"), False),
        (effect("standing", "nadia", "4 False False None None"), False),
        (effect("closed", "topic 3", "5"), False),
    ],
)
def test_a_change_is_accounted_for_by_a_grant_that_held_there_and_then(seen: Effect, well: bool) -> None:
    assert accounted(seen, [spell()], {}) is well


def test_a_call_that_had_left_before_the_end_may_arrive_after_it() -> None:
    late = effect("hidden", "70", "5", minutes=5.1)
    assert accounted(late, [spell()], {"70": [AT + timedelta(minutes=4.9)]})
    assert not accounted(late, [spell()], {"70": [AT + timedelta(minutes=5.05)]})


def test_a_result_is_good_only_when_every_promise_is_kept() -> None:
    well = Result(grants=5, acts=4)
    assert well.good
    broken = ({"acts_outside": 1}, {"rights_left_on_platform": 1}, {"chain_ok": False}, {"unaudited": 1}, {"astray": 1})
    assert not any(replace(well, **one).good for one in broken)
    assert not Result().good


def test_the_forum_writes_what_became_different_whatever_was_asked() -> None:
    """Also what comes after a silence, and what nobody signed in for."""
    options = Options()
    app = create_sandbox(keepers_story(), options=options)
    keep_books(app)
    headers = {"Api-Key": options.api_key, "Api-Username": "brava"}
    with serving(app) as world:
        platform = Platform({"url": world.base_url})
        with world.lock:
            world.forum.groups[50] = Group(50, "tenth-5", members={"marc"})
            world.forum.categories[5].moderating_group_ids = [50]
            world.faults.add("timeout_after", path="/posts/", seconds=0.1)
        with httpx.Client(base_url=world.base_url, headers=headers, timeout=60, trust_env=False) as line:
            with pytest.raises(httpx.TransportError):
                line.delete("/posts/2.json")
            line.get("/posts/3.json").raise_for_status()
            line.put("/t/2/status.json", json={"status": "closed", "enabled": "true"}).raise_for_status()
        books = [(one.by, one.made, one.what, one.subject, one.place) for one in platform.effects()]
        assert books == [("brava", True, "hidden", "2", "5"), ("brava", True, "closed", "topic 2", "5")]
        assert platform.rights() == [("marc", "5")]


@pytest.mark.parametrize("name", ["before_give", "in_take"])
def test_a_point_stands_before_or_in_a_call_for_a_right(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert name in EVERY_POINT
    seen: list[str] = []
    monkeypatch.setattr(replies_points, "end_now", lambda: seen.append("dead"))
    monkeypatch.setattr(replies_points, "_CALL_SECONDS", 0.0)

    def take(*_: object) -> None:
        while name == "in_take" and "dead" not in seen:
            pass  # until the knife has come
        seen.append("taken")

    session: Any = SimpleNamespace(give=lambda *_: seen.append("given"), take=take)
    arm_session(session, Point(name))
    session.give(None, Holder("1", "nadia"), "5")
    session.take(Holder("1", "nadia"), "5")
    assert seen == (["dead", "given", "taken"] if name == "before_give" else ["given", "dead", "taken"])
