"""Acting on the sandbox's NodeBB: what each act does there, what is refused, and what is found again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from moderation.model import INVERSES, Capability
from plugins.contract import Act, Ambiguous, CredentialsRefused, Gone, MissingRight, Permanent
from plugins.nodebb import connector
from tests.plugins.nodebb.nodebb_desk import Desk, desk, forum_desk, seen

ANSWER = "We are sorry, and look into it."


def test_an_answer_to_the_first_post_and_to_another_say_what_they_answer() -> None:
    with forum_desk() as made:
        for target in ("1", "2"):
            made.do(made.act(Capability.REPLY, target, f"{ANSWER} ({target})"))
        found = {one.in_reply_to for one in seen(made.turn()).values() if one.text.startswith(ANSWER)}
        assert found == {"1", "2"}


def test_nothing_is_said_where_nobody_else_could() -> None:
    with forum_desk() as made:
        made.call("PUT", "/api/v3/topics/1/lock")
        with pytest.raises(Gone, match="locked"):
            made.do(made.act(Capability.REPLY, 2, ANSWER))
        made.call("DELETE", "/api/v3/topics/1/lock")
        made.call("DELETE", "/api/v3/topics/1/state")
        with pytest.raises(Gone, match="deleted"):
            made.do(made.act(Capability.REPLY, 2, ANSWER))
        assert len(made.box.world.forum.posts) == 4


def test_an_answer_that_waits_is_found_waiting_and_then_by_its_number() -> None:
    with forum_desk() as admin, desk(admin.box, admin.uid("tomoko")) as made:
        made.state.queueing = True
        act = made.act(Capability.REPLY, 2, ANSWER)
        assert made.do(act).remote_id == ""
        found = made.found(act)
        assert found is not None
        assert found.remote_id == ""
        made.state.queue.clear()
        assert made.found(act) is None
        made.post("tomoko", ANSWER, topic_id=1)
        found = made.found(act)
        assert found is not None
        assert found.remote_id == "5"


def test_the_same_answer_of_long_ago_or_of_somebody_else_is_not_ours() -> None:
    with forum_desk() as made:
        made.post("tomoko", ANSWER, topic_id=1)
        act = made.act(Capability.REPLY, 2, ANSWER)
        assert made.found(act) is None
        made.post("brava", ANSWER, topic_id=1)
        assert made.found(act) is not None
        assert made.session.find_existing(act, datetime.now(UTC) + timedelta(hours=1)) is None


def test_our_answer_is_found_below_many_later_ones() -> None:
    with forum_desk() as made:
        made.state.per_page = 3
        for i in range(10):
            made.post("marc", f"Answer number {i}.", topic_id=1)
        act = made.act(Capability.REPLY, 2, ANSWER)
        receipt = made.do(act)
        for i in range(4):
            made.post("marc", f"Later number {i}.", topic_id=1)
        assert made.found(act) is not None
        assert made.found(act).remote_id == receipt.remote_id  # type: ignore[union-attr]


def test_a_topics_first_post_is_never_deleted_as_our_own() -> None:
    with forum_desk() as made:
        pid = made.post("brava", "News of the week.", title="News", category_id=5)["id"]
        with pytest.raises(Permanent, match="opens a topic"):
            made.do(made.act(Capability.DELETE, pid))


def test_each_act_and_what_takes_it_back() -> None:
    with forum_desk() as made:
        tomoko, forum = made.uid("tomoko"), made.box.world.forum
        targets = {Capability.HIDE: 3, Capability.LOCK: 1, Capability.SILENCE: tomoko, Capability.SUSPEND: tomoko}
        for kind, target in targets.items():
            act, back = made.act(kind, target, reason="Insults"), made.act(INVERSES[kind], target)
            assert made.found(act) is None
            assert made.found(back) is not None, "it holds already, since nothing was done"
            made.do(act)
            assert made.found(act) is not None
            assert made.found(back) is None
            made.do(back)
            assert made.found(act) is None
        assert forum.users["tomoko"].suspended_till is None


def test_a_sanction_ends_when_it_was_said_to_end() -> None:
    with forum_desk() as made:
        user = made.box.world.forum.users["tomoko"]
        for kind, field in [(Capability.SILENCE, "silenced_till"), (Capability.SUSPEND, "suspended_till")]:
            made.do(made.act(kind, user.id, hours=24, reason="Insults"))
            left = getattr(user, field) - datetime.now(UTC)
            assert timedelta(hours=23) < left < timedelta(hours=25)
            longer = made.act(kind, user.id, hours=72, reason="Insults")
            assert made.found(longer) is None, "a shorter one is not the one that was decided"
            for_ever = made.act(kind, user.id, reason="Insults")
            assert made.found(for_ever) is None
            made.do(for_ever)
            assert getattr(user, field) - datetime.now(UTC) > timedelta(days=3_650)
            assert made.found(for_ever) is not None
            assert made.found(longer) is not None


def test_nobody_may_silence_an_administrator() -> None:
    with forum_desk() as made, pytest.raises(Permanent, match="admins"):
        made.do(made.act(Capability.SILENCE, 1, hours=1))


def test_what_holds_already_is_as_good_as_done() -> None:
    with forum_desk() as made:
        for kind in (Capability.HIDE, Capability.HIDE, Capability.RESTORE, Capability.RESTORE):
            assert made.do(made.act(kind, 3)).remote_id == "3"


def test_a_flag_is_settled_as_was_decided() -> None:
    with forum_desk() as made:
        for number, (outcome, state) in enumerate(
            [("upheld", "resolved"), ("rejected", "rejected"), ("closed", "resolved")], 1
        ):
            made.call("POST", "/api/v3/flags", 2, type="post", id=number, reason="Spam")
            act = made.act(Capability.RESOLVE_REPORT, f"{number}:2", outcome=outcome)
            assert made.do(act).remote_id == f"{number}:2"
            assert made.state.flags[number].state == state
        with pytest.raises(Permanent, match="outcome"):
            made.do(made.act(Capability.RESOLVE_REPORT, "1:2"))


def test_a_move_needs_a_category_that_is_there() -> None:
    with forum_desk() as made:
        for wrong in ("", "help", "5/../6", "-1"):
            with pytest.raises(Permanent, match="community"):
                made.do(made.act(Capability.MOVE, 1, community=wrong))
        with pytest.raises(Gone):
            made.do(made.act(Capability.MOVE, 1, community="99"))


@pytest.mark.parametrize("target", ["", "1/../2", "1?x=1", "٣", "me", "1:2", "http://[::1]/ x", "1" * 16])
def test_an_id_is_never_another_path(target: str) -> None:
    with forum_desk() as made:
        before = len(made.box.world.forum.posts)
        for kind in (Capability.REPLY, Capability.HIDE, Capability.LOCK, Capability.SILENCE):
            with pytest.raises(Gone):
                made.do(Act(1, kind, target, ANSWER))
        assert len(made.box.world.forum.posts) == before


# ------------------------------------------------------------------ whose token, which rights


def own_token(admin: Desk, username: str) -> str:
    made = admin.call("POST", "/api/v3/admin/tokens", uid=admin.uid(username), description="x")
    return str(made["response"]["token"])


def test_the_check_tells_what_a_member_lacks() -> None:
    with forum_desk() as admin, desk(admin.box, admin.uid("tomoko")) as made:
        found = made.session.check()
        assert found.account == "tomoko"
        assert found.may == {Capability.REPLY, Capability.EDIT, Capability.DELETE, Capability.NOTIFY}
        assert found.lacks.keys() == connector.capabilities - found.may
        assert len(found.missing) == 2
        assert (found.limits.least, found.limits.most) == (8, 32_767)


def test_the_token_of_one_account_is_not_used_for_another() -> None:
    with forum_desk() as admin:
        token = own_token(admin, "tomoko")
        with desk(admin.box, 1, token) as made, pytest.raises(CredentialsRefused, match="acts as account 4"):
            made.session.check()
        with desk(admin.box, 99) as made, pytest.raises(CredentialsRefused):
            made.session.check()


def test_a_member_may_not_moderate() -> None:
    with forum_desk() as admin, desk(admin.box, admin.uid("tomoko")) as made:
        for kind, target in [(Capability.HIDE, 1), (Capability.LOCK, 1), (Capability.SUSPEND, 2)]:
            with pytest.raises(MissingRight):
                made.do(made.act(kind, target))


def test_an_answer_of_unknown_form_after_a_write_is_a_doubt() -> None:
    with forum_desk() as made:
        made.box.fail("empty", method="POST")
        with pytest.raises(Ambiguous):
            made.do(made.act(Capability.REPLY, 2, ANSWER))
