"""authorize(): the refused cases first, for every role and every act."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from moderation.errors import NotAllowed
from moderation.model import Capability
from moderation.policy import ROLE_CAPABILITIES, Permit, Standing, authorize

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
every_act = pytest.mark.parametrize("kind", list(Capability))
every_role = pytest.mark.parametrize("role", sorted(ROLE_CAPABILITIES))


def ask(role: str, kind: Capability, *, stopped: bool = False, shadow: bool = False) -> Permit:
    return authorize(7, "person:ab12", Standing(role, stopped, shadow), kind, "post 4711", NOW)


@every_act
@pytest.mark.parametrize("role", ["", "nobody", "Owner", "analyst"])
def test_without_a_role_that_includes_it_nothing_is_allowed(role: str, kind: Capability) -> None:
    with pytest.raises(NotAllowed, match="does not include"):
        ask(role, kind)


@every_act
@every_role
def test_the_global_stop_refuses_everybody(role: str, kind: Capability) -> None:
    with pytest.raises(NotAllowed, match="global stop"):
        ask(role, kind, stopped=True)


@every_act
@every_role
def test_shadow_mode_refuses_everybody(role: str, kind: Capability) -> None:
    with pytest.raises(NotAllowed, match="shadow mode"):
        ask(role, kind, shadow=True)


@every_act
@every_role
def test_a_role_may_do_what_it_includes_and_nothing_else(role: str, kind: Capability) -> None:
    if kind in ROLE_CAPABILITIES[role]:
        assert ask(role, kind).capability == kind
        return
    with pytest.raises(NotAllowed):
        ask(role, kind)


def test_a_responder_answers_and_does_no_more() -> None:
    assert ROLE_CAPABILITIES["responder"] == {Capability.REPLY}
    assert ROLE_CAPABILITIES["analyst"] == frozenset()


@pytest.mark.parametrize("role", ["owner", "manager"])
def test_the_permit_carries_exactly_what_was_asked(role: str) -> None:
    assert ask(role, Capability.HIDE) == Permit(7, "person:ab12", Capability.HIDE, "post 4711", NOW)
