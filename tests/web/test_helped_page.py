"""The page of what helped: nothing is said that is not known, figures in words in both languages; hours and targets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from service.db import outcomes
from service.db.clock_tables import CommunityClock
from service.db.models import Case, Message, Person, Thread
from service.db.team_tables import CaseTeam, Team
from service.deps import Deps
from service.usecases import clocks, targets
from service.usecases.clients import create_client
from service.usecases.helped import sum_up_all
from service.usecases.people import known_person
from service.usecases.targets import Typed
from service.web.pages.helped import due_badge
from tests.web.desk import Said, Seeder, case_of, post

BRAND = {"author": "Brava", "handle": "@brava", "role": "brand"}
FORM = {f"day{n}": "09:00-12:00, 14:00-18:00" for n in range(5)} | {"zone": "Europe/Paris", "response": "1 h 30"}


@pytest.fixture
def community(seed: Seeder) -> int:
    return seed.community(seed.connection(), "Repairs")


def helped_many(seed: Seeder, community: int, count: int = 6) -> list[int]:
    """Conversations that we answered, of which two in three went well, and some that the community answered."""
    threads = []
    for n in range(count):
        end = 0.6 if n % 3 else -0.8
        said = [
            Said("It is broken!", f"Lena {n}", f"@lena{n}", 300, urgency=0.8, sentiment=-0.5),
            Said("We look into it.", minutes_ago=300 - 15 * (n + 1), **BRAND),
            Said("Well.", f"Lena {n}", f"@lena{n}", 100, sentiment=end),
        ]
        threads.append(seed.thread(community, said, title=f"Broken {n}"))
        calm = [Said("Which water?", f"Ida {n}", f"@ida{n}", 300, urgency=0.4), Said("Soft.", "Tom", "@tom", 280)]
        seed.thread(community, calm, title=f"Water {n}", case={"lane": "left", "open": False, "state": "left"})
    with seed.deps.store.write() as session:
        for message in session.scalars(select(Message).where(Message.urgency == 0.8)):
            message.intents = {"bug": 0.9}
    summed_up(seed.deps)
    return threads


def summed_up(deps: Deps) -> None:
    with deps.store.write() as session:
        outcomes.touch(session, list(session.scalars(select(Thread.id))))
    sum_up_all(deps)


def manager(deps: Deps) -> Any:
    with deps.store.read() as session:
        number = session.scalars(select(Person.id).where(Person.username == "manager")).one()
    return known_person(deps, number)


def with_targets(deps: Deps, community: int, response: str = "1 h") -> None:
    plan = Typed("UTC", ("00:00-24:00",) * 7, "", response, "", "50", "80", "100")
    targets.set_plan(deps, community, plan, manager(deps))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_desk_without_anything_has_a_page(as_role: Callable[[str], FlaskClient], language: str) -> None:
    page = as_role("analyst").get(f"/helped?lang={language}")
    assert page.status_code == 200
    if language == "en":
        assert "Nothing is connected yet." in page.text


def test_what_is_not_known_is_said_so(
    as_role: Callable[[str], FlaskClient], seed: Seeder, deps: Deps, community: int
) -> None:
    client = as_role("analyst")
    assert "Nothing to measure yet" in client.get("/helped").text
    seed.thread(community, [Said("Broken?", urgency=0.8, minutes_ago=5)])
    summed_up(deps)
    page = client.get("/helped").text
    for words in (
        "Too few came back to tell",
        "We have answered nobody in this time.",
        "The first hour of these is not over.",
        "No community has a target.",
    ):
        assert words in page, words
    assert "nan" not in page


def test_the_figures_stand_in_words(
    as_role: Callable[[str], FlaskClient], seed: Seeder, deps: Deps, community: int
) -> None:
    threads = helped_many(seed, community)
    with_targets(deps, community)
    page = as_role("manager").get("/helped").text
    for words in (
        "67%",
        "4 happier, 0 as before, 2 unhappier",
        "6 of 6 whom we answered wrote again",
        "52 min",
        "answered in time: 4 of 6",
        "6 of 12 conversations",
        "30 of 30 messages",
        "faults",
        "no clear topic",
        "6 of 6 open conversations overdue",
        "Left unhappier: worth reading",
        f"/threads/{threads[0]}",
        f"/queue?community={community}",
        "No clear change",
    ):
        assert words in page, words
    for way in ("style=", "<script>", "nan"):
        assert way not in page


def routed(deps: Deps, threads: dict[int, str]) -> dict[str, int]:
    """Teams by name, with the cases of these threads."""
    with deps.store.write() as session:
        made = {name: Team(name=name, created_at=deps.now()) for name in sorted(set(threads.values()))}
        session.add_all(made.values())
        session.flush()
        for thread, name in threads.items():
            case_id = session.scalars(select(Case.id).where(Case.thread_id == thread)).one()
            session.add(CaseTeam(case_id=case_id, team_id=made[name].id, at=deps.now()))
        return {name: team.id for name, team in made.items()}


def test_without_teams_no_table_of_teams_stands_there(
    as_role: Callable[[str], FlaskClient], seed: Seeder, community: int
) -> None:
    helped_many(seed, community)
    assert "By team" not in as_role("analyst").get("/helped").text


def test_feelings_stand_by_the_team_that_has_the_case(
    as_role: Callable[[str], FlaskClient], seed: Seeder, deps: Deps, community: int
) -> None:
    threads = helped_many(seed, community)
    sad, glad = [t for n, t in enumerate(threads) if n % 3 == 0], [t for n, t in enumerate(threads) if n % 3]
    ids = routed(deps, dict.fromkeys(sad, "<b>Legal") | dict.fromkeys(glad, "Support"))
    page = as_role("analyst").get("/helped").text
    table = page.partition('id="by-team"')[2].partition("</table>")[0]
    rows = table.split("<tr>")[2:]
    for row, words in zip(rows, (("&lt;b&gt;Legal", "0 of 2"), ("Support", "4 of 4"), ("no team",)), strict=True):
        assert all(word in row for word in words), row
    assert ("−0.50 → −0.80" in rows[0], "−0.50 → 0.60" in rows[1]) == (True, True)
    assert f"/queue?team={ids['Support']}" in rows[1]
    assert "the team that has its case" in page


def test_a_community_and_a_span_are_chosen_and_made_up_ones_are_not_there(
    as_role: Callable[[str], FlaskClient], seed: Seeder, community: int
) -> None:
    helped_many(seed, community, 2)
    other = seed.community(seed.connection("Forum"), "Empty")
    client = as_role("analyst")
    assert "Nothing to measure yet" in client.get(f"/helped?community={other}").text
    assert "Happier after our answer" in client.get(f"/helped?community={community}&days=7").text
    for made_up in ("days=3", "community=4711", "days=-1"):
        assert client.get(f"/helped?{made_up}").status_code == 404


def test_an_analyst_sees_figures_and_sets_nothing(
    as_role: Callable[[str], FlaskClient], deps: Deps, community: int
) -> None:
    client = as_role("analyst")
    assert "Hours and targets" not in client.get("/helped").text
    assert client.get("/targets").status_code == 403
    assert post(client, f"/targets/{community}", **FORM).status_code == 403
    with deps.store.read() as session:
        assert session.get(CommunityClock, community) is None


def test_hours_and_targets_are_kept_as_people_write_them(
    as_role: Callable[[str], FlaskClient], deps: Deps, community: int
) -> None:
    client = as_role("manager")
    assert "no target" in client.get("/targets").text
    answer = post(client, f"/targets/{community}", **FORM)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/targets#c{community}")
    page = client.get("/targets").text
    for words in ("answer within 1 h 30 min", 'value="Europe/Paris"', 'value="09:00-12:00, 14:00-18:00"', "Kept."):
        assert words in page, words
    assert targets.places(deps)[0].plan.targets.response == timedelta(minutes=90)


def test_what_cannot_be_read_is_said_beside_its_field_and_what_was_typed_stays(
    as_role: Callable[[str], FlaskClient], deps: Deps, community: int
) -> None:
    client = as_role("owner")
    wrong = FORM | {"zone": "<Paris>", "day2": "nine to five", "response": "soon", "holidays": "Xmas"}
    answer = post(client, f"/targets/{community}", **wrong)
    assert answer.status_code == 422
    for words in (
        "4 fields cannot be read",
        "There is no such time zone.",
        "This is no time of a day.",
        "This is no length of time.",
        "One of these is no date.",
        'value="nine to five"',
        "&lt;Paris&gt;",
    ):
        assert words in answer.text, words
    assert f'aria-describedby="w-day2-{community}"' in answer.text
    with deps.store.read() as session:
        assert session.get(CommunityClock, community) is None
    assert post(client, "/targets/4711", **FORM).status_code == 404


def test_a_community_where_nobody_ever_is_is_warned_about(
    as_role: Callable[[str], FlaskClient], community: int
) -> None:
    client = as_role("owner")
    post(client, f"/targets/{community}", zone="UTC", response="1 h")
    assert "nothing there is ever due" in client.get("/targets").text


def test_a_row_says_when_it_is_due_in_words_and_shape(app: Flask, seed: Seeder, deps: Deps, community: int) -> None:
    with_targets(deps, community)
    minutes = {5: "clock-in", 40: "clock-soon", 90: "clock-late"}
    cases = {
        m: case_of(deps, seed.thread(community, [Said("Broken?", urgency=0.8, minutes_ago=m)])).id for m in minutes
    }
    found = clocks.due(deps, list(cases.values()))
    with app.test_request_context("/"):
        badges = {m: due_badge(found[case_id]) for m, case_id in cases.items()}
    assert {m: badge.icon for m, badge in badges.items()} == minutes
    assert badges[90].word == "overdue 30 min"
    assert badges[5].word in ("due in 54 min", "due in 55 min")


def test_managers_see_what_a_clock_escalated_and_others_do_not(
    as_role: Callable[[str], FlaskClient], seed: Seeder, deps: Deps, community: int
) -> None:
    with_targets(deps, community)
    seed.thread(community, [Said("Broken?", urgency=0.8, minutes_ago=90)], title="Too late")
    assert clocks.escalate_due(deps) == 3
    assert "Escalated, because its time ran out:" in as_role("manager").get("/helped").text
    assert "Too late" not in as_role("responder").get("/helped").text


def test_programs_read_what_they_may_see(seed: Seeder, deps: Deps, app: Flask, community: int) -> None:
    helped_many(seed, community)
    hidden = seed.community(seed.connection("Forum"), "Staff room", restricted=True)
    helped_many(seed, hidden, 3)
    client = app.test_client()
    assert client.get("/api/v1/helped").status_code == 401
    token = {"Authorization": f"Bearer {create_client(deps, 'reader', ('queue:read',))}"}
    kept = client.get("/api/v1/helped", headers=token)
    assert kept.status_code == 200
    body = kept.json
    assert body is not None
    assert [c["community"] for c in body["communities"]] == ["Repairs"]
    assert (body["conversations"], body["feelings"]["brand"]["up"]) == (12, 4)
    assert body["feelings"]["brand"]["up_share"]["of"] == 6
    assert [(t["team_id"], t["team"], t["conversations"]) for t in body["teams"]] == [(None, "", 12)]
    assert client.get(f"/api/v1/helped?community={hidden}", headers=token).status_code == 404
    assert client.get("/api/v1/helped?days=0", headers=token).status_code == 422
    wide = {"Authorization": f"Bearer {create_client(deps, 'all', ('queue:read', 'restricted:read'))}"}
    every = client.get("/api/v1/helped", headers=wide).json
    assert every is not None
    assert every["conversations"] == 18
