"""Reports: who may not decide about which, one decision for all of a subject, and what becomes of it on the forum."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability, ReportOutcome
from moderation.reports import Verdict
from moderation.trust import Reports
from service.cli.reports import reports as command
from service.db.report_tables import ReportRow
from service.db.reports import tally
from service.db.trust_tables import TrustAuthor
from service.usecases.connections import set_shadow
from service.usecases.identities import link
from service.usecases.report_closing import close_again
from service.usecases.report_deciding import Ruling, take_back
from service.usecases.report_subjects import AlreadyDecided
from service.usecases.reports import groups, open_subjects, waiting_count
from service.usecases.reports_decided import lately
from tests.service.grants_support import proof_of
from tests.service.reports_support import FRENCH, INSULT, MINE, STAFF, Flags, reported

WRONG = Ruling(Verdict.DISMISSED)
RIGHT = Ruling(Verdict.UPHELD, "Rule 2: no insults.")


@pytest.fixture
def flags(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flags]:
    with reported(tmp_path_factory.mktemp("reports")) as found:
        yield found


# ------------------------------------------------------------------ who may not


def test_nobody_decides_where_they_hold_no_right(flags: Flags) -> None:
    here, elsewhere = flags.flag(INSULT, "tomoko"), flags.flag(FRENCH, "tomoko")
    with pytest.raises(NotAllowed, match="no right"):
        flags.decide(here, WRONG, flags.trust.expert())
    assert flags.audit()[-1] == "report:refuse"
    flags.trust.active("answerer")
    with pytest.raises(NotAllowed, match="no right"):
        flags.decide(here, WRONG, flags.trust.expert())
    flags.trust.active()
    with pytest.raises(NotAllowed, match="no right"):
        flags.decide(elsewhere, WRONG, flags.trust.expert())
    with pytest.raises(NotAllowed, match="no right"):
        flags.decide(here, WRONG, flags.person("lin", "analyst"))
    assert [group.id for group in groups(flags.trust.deps, flags.trust.expert()).groups] == [here]
    assert waiting_count(flags.trust.deps, flags.trust.expert()) == 1
    assert {flags.row(one).outcome for one in (here, elsewhere)} == {"open"}
    assert not flags.actions()


def test_nobody_decides_about_what_they_wrote_began_or_reported(flags: Flags) -> None:
    flags.trust.active()
    about_me = flags.flag("How I keep my machine clean", "zoe")
    in_mine = flags.flag(MINE, "tomoko")
    by_me = flags.flag(INSULT, "marc")
    for report_id in (about_me, in_mine, by_me, 10**6):
        with pytest.raises(NotAllowed, match=r"^You hold no right to decide about reports here\.$"):
            flags.decide(report_id, WRONG, flags.trust.expert())
    marta = flags.trust.manager
    link(flags.trust.deps, marta, proof_of(flags.trust.desk, "discourse", _remote(flags, "zoe"), "zoe"))
    with pytest.raises(NotAllowed, match="Somebody else must decide"):
        flags.decide(in_mine, WRONG, marta)
    assert not groups(flags.trust.deps, flags.trust.expert()).groups
    assert flags.decide(by_me, WRONG, flags.person("olga", "owner")).verdict == "dismissed"


def test_what_is_about_staff_or_an_equal_is_for_managers(flags: Flags) -> None:
    flags.trust.active()
    rita = flags.person("rita", "responder")
    about_staff = flags.flag(STAFF, "tomoko")
    about_holder = flags.flag("Check the seal", "tomoko")
    for who, words in ((flags.trust.expert(), "no right"), (rita, "manager")):
        with pytest.raises(NotAllowed, match=words):
            flags.decide(about_staff, WRONG, who)
    flags.decide(about_holder, WRONG, rita)
    assert waiting_count(flags.trust.deps, rita) == 0
    assert waiting_count(flags.trust.deps, flags.trust.manager) == 1
    assert flags.decide(about_staff, WRONG).verdict == "dismissed"
    assert [one.target for one in flags.actions()] == [flags.row(about_staff).remote_id]


# ------------------------------------------------------------------ one decision


def test_one_decision_closes_all_reports_here_and_on_the_forum(flags: Flags) -> None:
    flags.trust.active()
    first, second = flags.flag(INSULT, "tomoko"), flags.flag(INSULT, "ines", 8)
    (group,) = groups(flags.trust.deps, flags.trust.expert()).groups
    assert (group.id, group.reporters, len(group.complaints)) == (first, 2, 2)
    assert {one.reporter for one in group.complaints} == {""}, "members are not told who reported"
    (group,) = groups(flags.trust.deps, flags.trust.manager).groups
    assert {one.reporter for one in group.complaints} == {"Tomoko", "Ines"}
    ruling = Ruling(Verdict.UPHELD, "Rule 2: no insults.", Capability.HIDE)
    decision = flags.decide(second, ruling, flags.trust.expert())
    assert decision.act_id is not None
    assert {flags.row(one).outcome for one in (first, second)} == {"upheld"}
    (closing,) = flags.actions()
    assert "report:decide" in flags.audit()
    assert flags.status(first) == 0, "held for undo"
    assert [flags.trust.desk.step(a) for a in (decision.act_id, closing.id)] == ["done", "done"]
    assert flags.status(first) == 1
    with pytest.raises(BadInput, match="decided already"):
        flags.decide(first, WRONG)
    flags.read()
    assert flags.row(first).outcome == "upheld"
    (told,) = lately(flags.trust.deps, flags.trust.manager)
    assert (told.closing, told.act_state, told.reports, told.person) == ("done", "done", 2, "expert")


def test_what_was_right_or_wrong_counts_for_whoever_reported(flags: Flags) -> None:
    right, wrong = flags.flag(INSULT, "tomoko"), flags.flag(FRENCH, "tomoko")
    flags.decide(right, RIGHT)
    flags.decide(wrong, WRONG)
    reporter = flags.row(right).reporter_id
    assert reporter is not None
    with flags.trust.deps.store.read() as session:
        assert tally(session, [reporter], {}) == {reporter: Reports(1, 1)}
        assert session.get_one(TrustAuthor, reporter).dirty >= 2


def test_an_act_that_is_refused_decides_nothing(flags: Flags) -> None:
    rita, report_id = flags.person("rita", "responder"), flags.flag(INSULT)
    with pytest.raises(NotAllowed):
        flags.decide(report_id, Ruling(Verdict.UPHELD, "Rule 2.", Capability.HIDE), rita)
    assert flags.row(report_id).outcome == ReportOutcome.OPEN
    lawless = Ruling(Verdict.UPHELD, "Rule 2.", Capability.HIDE, law=" ")
    for bad in (Ruling(Verdict.UPHELD), Ruling(Verdict.DISMISSED, "x", Capability.HIDE), lawless):
        with pytest.raises(BadInput):
            flags.decide(report_id, bad)


def test_who_may_not_close_it_on_the_forum_decides_all_the_same(flags: Flags) -> None:
    rita, report_id = flags.person("rita", "responder"), flags.flag(INSULT)
    decision = flags.decide(report_id, RIGHT, rita)
    assert not flags.actions()
    assert lately(flags.trust.deps, rita)[0].closing == "open"
    with pytest.raises(NotAllowed):
        close_again(flags.trust.deps, decision.id, rita)
    assert close_again(flags.trust.deps, decision.id, flags.trust.manager) == 1
    with pytest.raises(BadInput, match="on its way"):
        close_again(flags.trust.deps, decision.id, flags.trust.manager)
    assert flags.trust.desk.step(flags.actions()[0].id) == "done"
    assert flags.status(report_id) == 1


def test_a_closing_that_fails_is_shown_and_asked_for_again(flags: Flags) -> None:
    """Somebody decided otherwise on the forum meanwhile."""
    report_id = flags.flag(INSULT)
    cases = flags.cases()
    decision = flags.decide(report_id, RIGHT)
    flags.set_status(report_id, 2)
    assert flags.trust.desk.step(flags.actions()[0].id) == "failed"
    (told,) = lately(flags.trust.deps, flags.trust.manager)
    assert told.closing == "failed"
    assert "decided this flag on the forum already" in told.error
    assert flags.row(report_id).outcome == "upheld"
    assert flags.cases() == cases, "nothing is asked of those who answer"
    flags.set_status(report_id, 0)
    close_again(flags.trust.deps, decision.id, flags.trust.manager)
    assert flags.trust.desk.step(flags.actions()[-1].id) == "done"


def test_in_shadow_mode_it_is_decided_and_nothing_leaves(flags: Flags) -> None:
    report_id = flags.flag(INSULT)
    set_shadow(flags.trust.deps, flags.trust.desk.connection_id, True, "test")
    flags.decide(report_id, RIGHT)
    assert flags.row(report_id).outcome == "upheld"
    assert not flags.actions()


def test_what_others_closed_on_the_forum_is_closed_here(flags: Flags) -> None:
    report_id = flags.flag(INSULT)
    flags.set_status(report_id, 2)
    flags.read()
    assert flags.row(report_id).outcome == "rejected"
    assert not open_subjects(flags.trust.deps)


# ------------------------------------------------------------------ taken back, and told


def test_a_decision_is_taken_back_while_it_is_held(flags: Flags) -> None:
    report_id = flags.flag(INSULT)
    decision = flags.decide(report_id, Ruling(Verdict.UPHELD, "Rule 2.", Capability.HIDE))
    with pytest.raises(BadInput, match="of yours"):
        take_back(flags.trust.deps, decision.id, flags.person("olga", "owner"))
    take_back(flags.trust.deps, decision.id, flags.trust.manager)
    assert flags.row(report_id).outcome == "open"
    assert {a.state for kind in ("hide", "resolve_report", "notify") for a in flags.actions(kind)} == {"cancelled"}
    again = flags.decide(report_id, WRONG)
    flags.trust.desk.clock.pass_(seconds=11)
    with pytest.raises(BadInput, match="too late"):
        take_back(flags.trust.deps, again.id, flags.trust.manager)


def test_who_reported_is_told_in_their_language_once(flags: Flags) -> None:
    report_id = flags.flag("Mine is quiet", "zoe")
    flags.decide(report_id, WRONG)
    notices = flags.actions("notify")
    assert [(n.target, (n.options or {})["handle"]) for n in notices] == [(_remote(flags, "zoe"), "zoe")]
    assert notices[0].text.startswith("Thank you for your report.")
    assert notices[0].text.endswith(f"Report no. {report_id}")
    assert lately(flags.trust.deps, flags.trust.manager)[0].told == 1


def _remote(flags: Flags, username: str) -> str:
    with flags.trust.desk.box.world.lock:
        return str(flags.trust.desk.box.world.forum.user(username).id)


def test_a_race_is_won_by_one(flags: Flags) -> None:
    """Several decide at one moment: one act is ordered, and only by whoever decided."""
    report_id, together = flags.flag(INSULT), Barrier(3)
    ruling = Ruling(Verdict.UPHELD, "Rule 2.", Capability.HIDE)

    def decide(_: int) -> bool:
        together.wait(60)
        try:
            flags.decide(report_id, ruling)
        except AlreadyDecided:
            return False
        return True

    with ThreadPoolExecutor(3) as crowd:
        assert sorted(crowd.map(decide, range(3))) == [False, False, True]
    assert flags.row(report_id).outcome == "upheld"
    assert [a.state for a in flags.actions("hide")] == ["approved"]


def test_one_report_about_two_posts_is_closed_there_when_both_are_decided(flags: Flags) -> None:
    """As on Mastodon, where whoever closes a report closes it about each of its posts."""
    posts = [flags.message(words) for words in (INSULT, "Mine is quiet")]
    with flags.trust.deps.store.write() as session:
        for post in posts:
            now = flags.trust.deps.now()
            whole = {"connection_id": post.connection_id, "message_id": post.id, "about_id": post.author_id}
            kept = {"message_remote": post.remote_id, "reason": "spam", "outcome": "open", "at": now, "seen_at": now}
            session.add(ReportRow(remote_id=f"77:{post.remote_id}", **whole, **kept))
    first, second = (group.id for group in open_subjects(flags.trust.deps))
    decision = flags.decide(first, RIGHT)
    assert not flags.actions()
    with pytest.raises(BadInput, match="together with them"):
        close_again(flags.trust.deps, decision.id, flags.trust.manager)
    flags.decide(second, WRONG)
    (closing,) = flags.actions()
    assert flags.row(first).action_id == flags.row(second).action_id == closing.id


def test_the_command_line_lists_and_decides(flags: Flags) -> None:
    report_id = flags.flag(INSULT)
    with patch("service.cli.reports.deps", autospec=True, return_value=flags.trust.deps):
        run = CliRunner()
        listed = json.loads(run.invoke(command, ["list", "--json", "--by", "marta"]).output)
        assert [one["id"] for one in listed["items"]] == [report_id]
        assert "a post by Zoe in Help" in run.invoke(command, ["list"]).output
        why = ["--reason", "Rule 2.", "--act", "hide", "--by", "marta"]
        told = run.invoke(command, ["decide", str(report_id), "upheld", *why, "--json"])
        assert json.loads(told.output)["decision"] == flags.row(report_id).decision_id
        assert isinstance(run.invoke(command, ["decide", str(report_id), "dismissed"]).exception, BadInput)
        assert run.invoke(command, ["list"]).output == "Nothing waits for a decision.\n"
