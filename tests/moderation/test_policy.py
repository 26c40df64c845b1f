"""authorize(): the refused cases first, then every role, capability and level there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import NotAllowed
from moderation.model import ACTS, MODERATING, Capability
from moderation.policy import PEOPLE, ROLES, Actor, Level, Permit, Subject, allows, authorize, level_of

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
POST = Subject("post 4711", 7, second="person:zz99")
every_act = pytest.mark.parametrize("kind", sorted(ACTS))
every_role = pytest.mark.parametrize("role", sorted(ROLES))
LEVELS = list(Level)


def ask(role: str, kind: Capability, subject: Subject = POST, level: Level | None = Level.APPROVE) -> Permit:
    levels = {1: level} if level is not None else {}
    return authorize(Actor("person:ab12", role, True, levels), kind, subject, NOW)


@pytest.mark.parametrize("kind", list(Capability))
@pytest.mark.parametrize("role", ["", "Owner", "admin", "system"])
def test_a_role_that_is_not_known_may_nothing(role: str, kind: Capability) -> None:
    with pytest.raises(NotAllowed, match="does not include"):
        ask(role, kind)


@every_act
@every_role
def test_the_global_stop_refuses_everybody(role: str, kind: Capability) -> None:
    with pytest.raises(NotAllowed, match="global stop"):
        ask(role, kind, replace(POST, stopped=True))


@every_act
@every_role
def test_shadow_mode_refuses_everybody(role: str, kind: Capability) -> None:
    with pytest.raises(NotAllowed, match="shadow mode"):
        ask(role, kind, replace(POST, shadow=True))


@pytest.mark.parametrize("kind", list(Capability))
@every_role
def test_a_closed_account_may_nothing(role: str, kind: Capability) -> None:
    with pytest.raises(NotAllowed, match="closed"):
        authorize(Actor("person:ab12", role, False), kind, POST, NOW)


@pytest.mark.parametrize("kind", list(Capability))
@every_role
def test_a_role_may_do_what_it_includes_and_nothing_else(role: str, kind: Capability) -> None:
    if kind in ROLES[role]:
        assert ask(role, kind).capability == kind
        return
    with pytest.raises(NotAllowed):
        ask(role, kind)


def test_only_owners_and_managers_touch_what_others_wrote() -> None:
    assert {role for role, held in ROLES.items() if held & MODERATING} == {"owner", "manager"}


@pytest.mark.parametrize("role", ["owner", "manager"])
def test_the_permit_carries_exactly_what_was_asked(role: str) -> None:
    assert ask(role, Capability.HIDE) == Permit(7, "person:ab12", Capability.HIDE, "post 4711", NOW)


# ------------------------------------------------------------------ brand accounts


@pytest.mark.parametrize("kind", [Capability.DRAFT, Capability.REPLY, Capability.EDIT, Capability.DELETE])
def test_without_a_right_on_the_account_a_responder_neither_writes_nor_sends(kind: Capability) -> None:
    with pytest.raises(NotAllowed, match="right to"):
        ask("responder", kind, replace(POST, account=1), None)
    with pytest.raises(NotAllowed, match="right to"):
        ask("responder", kind, replace(POST, account=2))


def test_who_may_draft_may_not_send_and_who_may_send_may_not_approve() -> None:
    subject = replace(POST, account=1)
    assert ask("responder", Capability.DRAFT, subject, Level.DRAFT)
    with pytest.raises(NotAllowed, match="right to send"):
        ask("responder", Capability.REPLY, subject, Level.DRAFT)
    assert ask("responder", Capability.REPLY, subject, Level.SEND)
    with pytest.raises(NotAllowed, match="right to approve"):
        ask("responder", Capability.REPLY, replace(subject, needs_approval=True), Level.SEND)


@pytest.mark.parametrize("role", ["owner", "manager", "responder"])
def test_nobody_approves_their_own_words(role: str) -> None:
    subject = replace(POST, account=1, needs_approval=True, writer="person:ab12")
    for kind in (Capability.REPLY, Capability.APPROVE):
        with pytest.raises(NotAllowed, match="second person"):
            ask(role, kind, subject)
        assert ask(role, kind, replace(subject, writer="person:cd34"))


def test_a_responder_approves_only_with_accounts_that_they_have_the_level_for() -> None:
    theirs = replace(POST, account=1, writer="person:cd34")
    with pytest.raises(NotAllowed, match="right to approve"):
        ask("responder", Capability.APPROVE, theirs, Level.SEND)
    with pytest.raises(NotAllowed, match="right to approve"):
        ask("responder", Capability.APPROVE, replace(theirs, account=2))
    assert ask("responder", Capability.APPROVE, theirs)


@pytest.mark.parametrize("level", [None, Level.DRAFT, Level.SEND])
def test_without_any_account_to_approve_with_the_page_of_approvals_is_closed(level: Level | None) -> None:
    asking = Actor("person:ab12", "responder", True, {1: level} if level else {})
    assert not allows(asking, Capability.APPROVE)
    with pytest.raises(NotAllowed, match="any brand account"):
        authorize(asking, Capability.APPROVE, POST, NOW)
    assert ask("responder", Capability.APPROVE)


@every_role
def test_an_account_out_of_use_speaks_for_nobody(role: str) -> None:
    with pytest.raises(NotAllowed):
        ask(role, Capability.REPLY, replace(POST, account=1, closed=True))


@pytest.mark.parametrize("role", ["analyst", "rock_star", "nobody", "program"])
def test_a_level_gives_nothing_to_a_role_that_does_not_write(role: str) -> None:
    with pytest.raises(NotAllowed):
        ask(role, Capability.REPLY, replace(POST, account=1))


# ------------------------------------------------------------------ people and programs


@pytest.mark.parametrize("role", ["owner", "manager"])
def test_a_manager_neither_changes_nor_makes_an_owner_or_a_manager(role: str) -> None:
    with pytest.raises(NotAllowed, match="Only an owner"):
        ask("manager", Capability.ADMINISTER, replace(POST, role=role))
    assert ask("owner", Capability.ADMINISTER, replace(POST, role=role))
    assert ask("manager", Capability.ADMINISTER, replace(POST, role="responder"))


def test_a_program_does_only_what_its_scopes_say() -> None:
    program = Actor("client:1", "program", scopes=frozenset({"queue:read"}))
    assert authorize(program, Capability.SEE, Subject("api", scope="queue:read"), NOW)
    with pytest.raises(NotAllowed, match="scope"):
        authorize(program, Capability.SEE, Subject("api", scope="threads:read"), NOW)


roles = st.sampled_from([*ROLES, "made-up"])
subjects = st.builds(
    Subject,
    name=st.just("post"),
    stopped=st.booleans(),
    shadow=st.booleans(),
    account=st.sampled_from([None, 1, 2]),
    closed=st.booleans(),
    needs_approval=st.booleans(),
    writer=st.sampled_from(["", "a", "b"]),
    role=st.sampled_from(["", *PEOPLE, "made-up"]),
)


@given(roles, st.sampled_from(list(Capability)), subjects, st.sampled_from([None, *LEVELS]))
def test_less_never_allows_more(role: str, kind: Capability, subject: Subject, level: Level | None) -> None:
    """Total: it answers or refuses. And taking a level away, closing, stopping never opens what was refused."""

    def allowed(actor: Actor, about: Subject) -> bool:
        try:
            return authorize(actor, kind, about, NOW).capability == kind
        except NotAllowed:
            return False

    whole = Actor("a", role, True, {1: level} if level else {})
    lower = LEVELS.index(level) - 1 if level else -1
    less = replace(whole, levels={1: LEVELS[lower]} if lower >= 0 else {})
    for narrower in (
        (less, subject),
        (replace(whole, active=False), subject),
        (whole, replace(subject, stopped=True)),
        (whole, replace(subject, shadow=True)),
        (whole, replace(subject, closed=True)),
        (whole, replace(subject, needs_approval=True)),
    ):
        assert allowed(whole, subject) or not allowed(*narrower)


def test_levels_come_from_the_role_or_from_what_was_given() -> None:
    assert level_of(Actor("a", "owner"), 1) is Level.APPROVE
    assert level_of(Actor("a", "responder", True, {1: Level.SEND}), 1) is Level.SEND
    assert level_of(Actor("a", "responder"), 1) is None
    assert level_of(Actor("a", "analyst", True, {1: Level.APPROVE}), 1) is None
