"""Statements of reasons and appeals: told once, contested once, judged by somebody else, taken back when overturned."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, update

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability
from moderation.statements import CONTESTABLE, ILLEGAL
from service.db.audit import verify
from service.db.grant_tables import ModerationAct
from service.db.models import Action
from service.db.redress_tables import Statement
from service.usecases import acting, appeal_links, appealed, appeals, grants, rules, statements
from service.usecases.identities import link
from service.usecases.moderating import take_back
from tests.service.grants_support import Proof, Provider
from tests.service.redress_support import DESK, WHY, Bench, bench
from tests.support.village import Died


@pytest.fixture
def desk() -> Iterator[Bench]:
    with bench() as found:
        yield found


def appeal(desk: Bench, **more: object) -> int:
    return appeals.contest(desk.deps, desk.done(**more), "I was quoting somebody.")  # type: ignore[arg-type]


# ------------------------------------------------------------------ the link


def test_a_link_that_is_forged_foreign_or_for_something_else_opens_nothing(desk: Bench) -> None:
    token = desk.done()
    other = appeal_links.URLSafeSerializer(list(desk.deps.settings.secrets), salt="another purpose")
    number = appeal_links.statement_of(desk.deps, token)
    for bad in (
        "",
        "none",
        token[:-1],
        token + "A",
        "Mg." + token.split(".")[1],
        str(other.dumps(number)),
        "x" * 9_000,
    ):
        with pytest.raises(appeals.NoSuchLink):
            appeals.look(desk.deps, bad)
        with pytest.raises(appeals.NoSuchLink):
            appeals.contest(desk.deps, bad, "Please.")
    assert appeals.look(desk.deps, token).reasons.reason == WHY


def test_a_link_is_good_for_six_months_and_an_outcome_is_shown_behind_it_for_longer(desk: Bench) -> None:
    early, late = desk.done(), desk.done(Capability.LOCK)
    appeals.contest(desk.deps, early, "Look again, please.")
    desk.clock.pass_(seconds=CONTESTABLE.total_seconds())
    with pytest.raises(appeals.TooLate):
        appeals.look(desk.deps, late)
    with pytest.raises(appeals.TooLate):
        appeals.contest(desk.deps, late, "Too late?")
    assert appeals.look(desk.deps, early).state == "open"


def test_illegal_without_a_law_is_not_asked_for_and_with_one_it_is_kept_told_and_exported(desk: Bench) -> None:
    with pytest.raises(BadInput, match="law"):
        desk.act(law=" ")
    assert "action:approve" not in desk.audited()
    token = desk.done(law="Penal code,\n art. 33; Zoe knows it")
    assert appeals.look(desk.deps, token).reasons.law == "Penal code, art. 33; … knows it"
    assert "Contenu illicite, selon\u00a0: Penal code, art. 33" in desk.told()[-1][1]
    desk.done(Capability.LOCK)
    assert "Contraire aux règles de la communauté." in desk.told()[-1][1]
    illegal, against = (fields for _, fields in statements.export(desk.deps))
    assert illegal["illegal_content_legal_ground"].startswith("Penal code")
    assert illegal["category"] == ILLEGAL
    assert against["decision_ground"] == "DECISION_GROUND_INCOMPATIBLE_CONTENT"


def test_it_is_contested_once_even_after_it_was_decided(desk: Bench) -> None:
    token = desk.done()
    with pytest.raises(BadInput):
        appeals.contest(desk.deps, token, " \x00 ")
    appeal_id = appeals.contest(desk.deps, token, "I was quoting.\x00")
    for _ in range(2):
        with pytest.raises(appeals.Decided):
            appeals.contest(desk.deps, token, "And another thing.")
        if appeals.look(desk.deps, token).state == "open":
            appeals.decide(desk.deps, appeal_id, desk.people["cleo"], "upheld", "It was no quotation.")
    shown = appeals.look(desk.deps, token)
    assert (shown.state, shown.text, shown.outcome) == ("upheld", "I was quoting.", "It was no quotation.")


# ------------------------------------------------------------------ who judges


def test_nobody_judges_what_they_did_seconded_or_wrote(desk: Bench) -> None:
    appeal_id = appeal(desk)
    with desk.deps.store.write() as session:
        session.execute(update(ModerationAct).values(second_id=desk.people["ben"].id))
    link(desk.deps, desk.people["cleo"], Proof(Provider.DISCOURSE, "http://village.example", "77", "zoe"))
    for name in ("ana", "ben", "cleo"):
        with pytest.raises(NotAllowed, match="Somebody else must judge"):
            appeals.decide(desk.deps, appeal_id, desk.people[name], "overturned", "Mine.")
        assert desk.audited()[-1] == "appeal:refuse"
        assert appealed.appeals(desk.deps, desk.people[name])[0].refused
    assert appealed.open_appeals(desk.deps) == 1
    assert len([one for _, _, one in desk.village.acts if one.kind == Capability.RESTORE]) == 0


def test_who_does_not_judge_at_all_is_refused(desk: Bench) -> None:
    appeal_id = appeal(desk)
    with pytest.raises(NotAllowed):
        appeals.decide(desk.deps, appeal_id, replace(desk.people["cleo"], role="responder"), "upheld", "No.")


def test_an_overturn_takes_the_act_back_and_the_author_is_told_once(desk: Bench) -> None:
    token = desk.done()
    appeal_id = appeals.contest(desk.deps, token, "I was quoting.")
    undo_id = appeals.decide(desk.deps, appeal_id, desk.people["cleo"], "overturned", "It was a quotation.")
    assert undo_id is not None
    for _ in range(3):
        desk.work()
    assert desk.state(undo_id) == "done"
    assert [one.kind for _, _, one in desk.village.acts].count(Capability.RESTORE) == 1
    assert len(desk.told()) == 2
    assert "vous aviez raison" in desk.told()[-1][1]
    shown = appeals.look(desk.deps, token)
    assert (shown.state, shown.reversible) == ("overturned", True)
    with pytest.raises(appeals.Decided):
        appeals.decide(desk.deps, appeal_id, desk.people["ben"], "upheld", "No.")
    with desk.deps.store.read() as session:
        assert verify(session, desk.deps.vault) == []


def test_what_was_taken_back_before_or_cannot_be_is_overturned_all_the_same(desk: Bench) -> None:
    first = appeals.contest(desk.deps, desk.done(), "Wrong.")
    acted = appealed.appeals(desk.deps)[0].action_id
    undo_id = take_back(desk.deps, acted, desk.people["ben"], "A mistake of ours.")
    assert appeals.decide(desk.deps, first, desk.people["cleo"], "overturned", "Indeed.") == undo_id
    warned = appeals.contest(desk.deps, desk.done(Capability.WARN), "Wrong.")
    assert appeals.decide(desk.deps, warned, desk.people["cleo"], "overturned", "Indeed.") is None


def test_of_several_who_decide_at_one_moment_the_first_counts(desk: Bench) -> None:
    appeal_id, together = appeal(desk), Barrier(3)

    def decide(name: str) -> int | None:
        together.wait(60)
        with suppress(appeals.Decided):
            return appeals.decide(desk.deps, appeal_id, desk.people[name], "overturned", f"{name} decides.")
        return None

    with ThreadPoolExecutor(3) as crowd:
        (undo_id,) = filter(None, crowd.map(decide, ("ben", "cleo", "ben")))
    assert appealed.appeals(desk.deps)[0].undo_id == undo_id
    with desk.deps.store.read() as session:
        assert session.scalars(select(Action.id).where(Action.kind == Capability.RESTORE)).all() == [undo_id]


# ------------------------------------------------------------------ telling


def test_an_act_undone_in_time_is_told_to_nobody_and_opens_no_link(desk: Bench) -> None:
    action_id = desk.act()
    desk.work(seconds=5)
    assert desk.told() == []
    assert acting.cancel(desk.deps, action_id)
    desk.work()
    desk.work()
    assert desk.told() == []
    with pytest.raises(appeals.NoSuchLink):
        appeals.look(desk.deps, desk.token(action_id))
    assert list(statements.export(desk.deps)) == []


def test_the_author_is_told_in_their_language_with_their_link_and_no_name(desk: Bench) -> None:
    rule = rules.rules_of(desk.deps, None)[0]
    token = desk.done(rule_id=rule.id)
    [(target, text)] = desk.told()
    assert target == "77"
    assert f"{DESK}/appeal/{token}" in text
    assert rule.titled("fr") in text
    assert not {"ana", "ben", "cleo"} & set(text.lower().split())
    shown = appeals.look(desk.deps, token).reasons
    assert (shown.language, shown.rule) == ("fr", rule.titled("fr"))


@pytest.mark.parametrize("mode", ["dies_before", "dies_after", "lost_after"])
def test_a_crash_in_the_call_tells_nobody_twice(desk: Bench, mode: str) -> None:
    desk.act()
    desk.work()
    desk.village.mode = mode
    with suppress(Died):
        desk.work()
    desk.village.mode = "up"
    for _ in range(60):
        desk.work(seconds=30)
    assert len(desk.told()) <= 1
    with desk.deps.store.read() as session:
        assert len(session.scalars(select(Action).where(Action.kind == "notify")).all()) == 1


def test_where_no_platform_carries_it_a_manager_finds_the_link(desk: Bench) -> None:
    desk.village.capabilities -= {Capability.NOTIFY}
    desk.done()
    assert desk.told() == []
    [kept] = appealed.untold(desk.deps)
    assert (kept.told, kept.handle) == ("no", "zoe")


def test_a_warning_carries_its_own_statement(desk: Bench) -> None:
    token = desk.done(Capability.WARN)
    [(_, text)] = desk.told()
    assert token in text
    assert appealed.untold(desk.deps) == []


# ------------------------------------------------------------------ what has one, and the export


def test_giving_back_and_planned_ends_have_no_statement(desk: Bench) -> None:
    action_id = desk.act(Capability.SILENCE, hours=1)
    desk.work()
    take_back(desk.deps, action_id, desk.people["ben"], "A mistake.")
    with desk.deps.store.read() as session:
        assert [one.action_id for one in session.scalars(select(Statement))] == [action_id]


def test_a_rule_that_is_over_or_of_another_place_is_refused(desk: Bench) -> None:
    rule = rules.rules_of(desk.deps, None)[0]
    rules.end(desk.deps, rule.id, "test")
    with pytest.raises(BadInput, match="in force"):
        desk.act(rule_id=rule.id)
    with desk.deps.store.read() as session:
        assert session.scalars(select(Action)).all() == []


def test_the_export_names_nobody_and_says_when_it_ends(desk: Bench) -> None:
    desk.done(Capability.SILENCE, hours=30)
    [(number, fields)] = statements.export(desk.deps)
    assert fields["incompatible_content_explanation"] == "… calls people idiots."
    assert not {"zoe", "ana"} & set(str(fields).lower().replace("'", " ").split())
    assert fields["end_date_service_restriction"] > fields["application_date"]
    assert fields["content_language"] == "FR"
    later = desk.clock() + timedelta(hours=1)
    assert list(statements.export(desk.deps, since=later)) == []
    assert list(statements.export(desk.deps, after=number)) == []


def test_the_first_rules_come_once_and_an_edit_keeps_the_old_words(desk: Bench) -> None:
    first = rules.rules_of(desk.deps, None)
    draft = rules.Draft(
        None, {"en": "Be kind", "fr": "Soyez aimables"}, {"en": "Always.", "fr": "Toujours."}, first[0].category
    )
    token = desk.done(rule_id=first[0].id)
    changed = rules.edit(desk.deps, first[0].id, draft, "test")
    assert [one.id for one in rules.rules_of(desk.deps, None)] == [changed, *(one.id for one in first[1:])]
    assert appeals.look(desk.deps, token).reasons.rule == first[0].titled("fr")
    for one in rules.rules_of(desk.deps, None):
        rules.end(desk.deps, one.id, "test")
    assert rules.rules_of(desk.deps, None) == []
    with pytest.raises(BadInput):
        rules.add(desk.deps, rules.Draft(None, {"en": "Only English"}, {"en": "Text"}, first[0].category), "test")


def test_a_keepers_act_is_told_after_the_grant_ended_and_counts_against_it_when_overturned(desk: Bench) -> None:
    grant_id = desk.keeper("marc")
    action_id = desk.act(by="marc")
    desk.work()
    grants.revoke(desk.deps, grant_id, desk.people["ben"], "Enough.")
    desk.work()
    assert len(desk.told()) == 1
    appeal_id = appeals.contest(desk.deps, desk.token(action_id), "Wrong.")
    appeals.decide(desk.deps, appeal_id, desk.people["cleo"], "overturned", "A mistake.")
    assert appealed.overturned(desk.deps) == {grant_id: 1}
