"""What every connector promises that gives rights in one community: no more than asked, once or often, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Ambiguous, GivesRights, Holder, Permanent, Temporary
from tests.contract.rig import Stage
from tests.contract.test_live import LIVE, on_stage, session

live = pytest.mark.parametrize("name", LIVE)
PERMIT = Permit(1, "grant", Capability.GRANT, "community", datetime.now(UTC))


@contextmanager
def giving(name: str) -> Iterator[tuple[Stage, GivesRights, Holder, str]]:
    """A session that gives rights, somebody who has none, and a place; skipped where there is no such right."""
    with on_stage(name) as stage, session(name, stage) as opened:
        if stage.right is None:
            pytest.skip("gives no rights, or its rig names nobody to give one to")
        assert isinstance(opened, GivesRights)
        yield stage, opened, *stage.right


def has(found: tuple[Holder, ...], holder: Holder) -> bool:
    return any(one.remote_id == holder.remote_id and not one.via for one in found)


@live
def test_somebody_who_is_not_there_is_given_nothing(name: str) -> None:
    with giving(name) as (_, opened, holder, place):
        before = opened.holders(place)
        with pytest.raises(Permanent):
            opened.give(PERMIT, replace(holder, remote_id="999999", handle="nobody-at-all"), place)
        assert opened.holders(place) == before


@live
def test_a_right_is_given_and_taken_once_or_often(name: str) -> None:
    with giving(name) as (_, opened, holder, place):
        before = opened.holders(place)
        assert not has(before, holder)
        for _ in range(2):
            opened.give(PERMIT, holder, place)
            assert has(opened.holders(place), holder)
        assert {one for one in opened.holders(place) if one.remote_id != holder.remote_id} == set(before)
        for _ in range(2):
            opened.take(holder, place)
            assert opened.holders(place) == before


@live
@pytest.mark.parametrize("fault", ["timeout_after", "timeout_before", "server_error"])
def test_a_call_that_failed_can_come_again(name: str, fault: str) -> None:
    with giving(name) as (stage, opened, holder, place):
        for method in ("PUT", "POST", "DELETE"):
            stage.fail(fault, method=method, seconds=1)
        for _ in range(4):
            with suppress(Ambiguous, Temporary):
                opened.give(PERMIT, holder, place)
        stage.heal()
        assert has(opened.holders(place), holder)
        stage.fail(fault, method="DELETE", seconds=1)
        for _ in range(2):
            with suppress(Ambiguous, Temporary):
                opened.take(holder, place)
        stage.heal()
        assert not has(opened.holders(place), holder)
