"""The page of the line's quality: what is not known is said so, figures in words, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from moderation.scoring import measured as figures
from moderation.tuning import Tuning
from service.db import audit
from service.db.models import AuditEntry, Case, Community, DecisionRow, Person, ProbeRow, ScoreRow, Thread, TuningRow
from service.deps import Deps
from service.usecases import learning
from tests.web.desk import Said, Seeder, case_of, post

LEARNED = Tuning(
    shift=0.2, terms={"velocity": 0.3, "addressed": 1.6}, topics={"billing": 1.1, "praise": -0.5, "bug": 0.4}
)


def measured(seed: Seeder, community: int, probes: int = 60, needed: int = 1) -> None:
    """Judged probes, decisions of two people, a trial and an alarm, as weeks of work would have left them."""
    threads = [seed.thread(community, [Said("Is it broken?")], title=f"{n}") for n in range(24)]
    cases = [case_of(seed.deps, thread) for thread in threads]
    with seed.deps.store.write() as session:
        people = [p.id for p in session.query(Person).order_by(Person.id).limit(2)]
        when = {"made_at": seed.now - timedelta(hours=5), "changed_at": seed.now - timedelta(hours=5)}
        figures = {"decisions": 118, "judged": 88, "prior_auc": 0.74, "tuned_auc": 0.86}
        session.add(TuningRow(community_id=community, state="active", weights=LEARNED.to_json(), **figures, **when))
        for n in range(probes):
            judged = {"judged_at": seed.now, "person_id": people[0], "needs": n < needed, "drawn_at": seed.now}
            session.add(ProbeRow(community_id=community, thread_id=threads[n % 24], **judged))
        for n, case in enumerate(cases):
            for who in range(1 + n % 2):
                needs = n % 3 > 0 if who == 0 else n % 8 > 1
                row = {"community_id": community, "thread_id": case.thread_id, "case_id": case.id, "lane": "needs"}
                row |= {"person_id": people[who], "at": seed.now, "as_of": seed.now, "priority": 0.5, "verb": "decide"}
                session.add(DecisionRow(needs=needs, facts=session.get_one(Thread, case.thread_id).facts, **row))
        alarm = {"count": 14, "usual": 1.3, "since": (seed.now - timedelta(hours=2)).isoformat()}
        summary = {"as_of": seed.now.isoformat(), "threads": 412, "budget": 41, "surfaced": 12, "decided": 27}
        kept = {"always": 3, "left": 370, "cut": 0.31, "alarm": alarm}
        session.get_one(Community, community).summary = summary | kept


@pytest.fixture
def community(seed: Seeder) -> int:
    return seed.community(seed.connection(), "Repairs")


def test_what_is_not_known_yet_is_said_so(as_role: Callable[[str], FlaskClient], community: int) -> None:
    page = as_role("analyst").get("/quality").text
    for words in ("Not known yet", "Not enough judgements yet", "No two people decided", "0 decisions so far"):
        assert words in page
    assert "Put the shipped weights back" not in page


def test_a_desk_without_communities_has_a_page(as_role: Callable[[str], FlaskClient]) -> None:
    assert "Nothing is connected yet." in as_role("owner").get("/quality").text


def test_the_figures_stand_in_words(as_role: Callable[[str], FlaskClient], seed: Seeder, community: int) -> None:
    measured(seed, community)
    page = as_role("owner").get("/quality").text
    for words in (
        "Conversations about money: answered much more often",
        "Conversations about praise: left more often",
        "Many messages in a short time: counts much less",
        "Being asked by name: counts more",
        "60 samples from below judged, of which 1 needed us",
        "shipped 74%, learned 86%",
        "9.5%",
        "Rules fired in 14 conversations within a day; 1.3 a day are usual.",
    ):
        assert words in page, words


def test_the_figures_stand_in_french(as_role: Callable[[str], FlaskClient], seed: Seeder, community: int) -> None:
    measured(seed, community)
    page = as_role("owner").get("/quality?lang=fr").text
    for words in (
        "Qualité de la ligne",
        "Conversations sur le thème «\u00a0argent\u00a0»",
        "9,5\u00a0%",
        "Revenir aux",
        "1,3 par jour",
    ):
        assert words in page, words


def test_an_alarm_stands_above_the_queue(as_role: Callable[[str], FlaskClient], seed: Seeder, community: int) -> None:
    assert "rules fired" not in as_role("owner").get("/queue").text
    measured(seed, community)
    assert "Repairs: rules fired in 14 conversations within a day" in as_role("responder").get("/queue").text


@pytest.mark.parametrize("role", ["responder", "analyst"])
def test_only_who_manages_puts_the_weights_back(
    as_role: Callable[[str], FlaskClient], seed: Seeder, deps: Deps, community: int, role: str
) -> None:
    measured(seed, community)
    client = as_role(role)
    assert "Put the shipped weights back" not in client.get("/quality").text
    assert post(client, f"/quality/{community}/revert").status_code == 403
    with deps.store.read() as session:
        assert learning.active(session, community) == LEARNED


def test_the_weights_are_put_back_once(
    as_role: Callable[[str], FlaskClient], seed: Seeder, deps: Deps, community: int
) -> None:
    measured(seed, community)
    client = as_role("manager")
    answer = post(client, f"/quality/{community}/revert")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/quality#c{community}")
    page = client.get("/quality").text
    assert "The shipped weights are back." in page
    assert "Put back by hand" in page
    post(client, f"/quality/{community}/revert")
    assert "somebody was faster" in client.get("/quality").text
    with deps.store.read() as session:
        assert audit.verify(session, deps.vault) == []
        kinds = [e.kind for e in session.query(AuditEntry).order_by(AuditEntry.seq)]
    assert kinds == ["person:sign_in", "tuning:revert"]


def test_beside_the_scores_stands_how_often_they_are_right(
    as_role: Callable[[str], FlaskClient],
    seed: Seeder,
    deps: Deps,
    community: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    thread = seed.thread(community, [Said("Is it broken?", urgency=0.9)], title="First")
    with deps.store.write() as session:
        chances = {"classes": {"insult": 0.7, "threat": 0.2}, "intents": {"billing": 0.6, "bug": 0.9, "praise": 0.1}}
        session.execute(update(ScoreRow).values(chances))
    (tmp_path / "none.json").write_text("{}")
    monkeypatch.setattr(figures, "_FILE", tmp_path / "none.json")
    figures._figures.cache_clear()
    page = as_role("owner").get(f"/threads/{thread}").text
    assert "insult, faults, money" in page
    assert "of 100 pairs" not in page, "what nobody measured is not claimed"
    (tmp_path / "some.json").write_text('{"embedded": {"en": {"toxicity": 0.7512, "urgency": 0.88}}}')
    monkeypatch.setattr(figures, "_FILE", tmp_path / "some.json")
    figures._figures.cache_clear()
    page = as_role("owner").get(f"/threads/{thread}").text
    figures._figures.cache_clear()
    assert "ranks hostile above calm in 75 of 100 pairs (English)" in page
    assert "ranks need above no need in 88 of 100 pairs (English)" in page


@pytest.mark.parametrize("address", ["/queue", "/queue?thread={thread}"])
def test_the_queue_page_notes_what_a_person_saw(
    as_role: Callable[[str], FlaskClient], seed: Seeder, deps: Deps, community: int, address: str
) -> None:
    thread = seed.thread(community, [Said("Is it broken?", urgency=0.9)], title="First")
    left: dict[str, Any] = {"lane": "left", "open": False, "state": "left", "priority": 0.1}
    below = seed.thread(community, [Said("Nice.")], case=left)
    assert case_of(deps, thread).seen_at is None
    client = as_role("responder")
    client.get(address.format(thread=thread))
    first = case_of(deps, thread).seen_at
    assert first is not None
    client.get("/queue")
    assert case_of(deps, thread).seen_at == first
    client.get(f"/queue?thread={below}")
    with deps.store.read() as session:
        assert session.query(Case).filter_by(thread_id=below).one().seen_at is None
