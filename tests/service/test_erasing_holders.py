"""Erasing somebody who holds rights: the platform's are taken first."""

from __future__ import annotations

from pathlib import Path

from moderation.grants import GrantState
from service.db.grant_tables import PlatformRight
from service.db.identity_tables import Identity
from service.db.thanks_tables import Badge
from service.usecases import badges
from service.usecases.erasing import erase
from service.usecases.granted import grant
from tests.service.grants_support import Trust, trusted


def test_a_holder_loses_their_rights_on_the_forum_before_their_name_goes(tmp_path: Path) -> None:
    with trusted(tmp_path) as trust:
        number = trust.active()
        trust.settle(1)
        at = trust.desk.clock.at
        badge = Badge(author_id=trust.author_id, name=badges.NAME, state="given", decided_at=at, due_at=at)
        badge.connection_id = trust.desk.connection_id
        with trust.deps.store.write() as session:
            session.add(badge)
        trust.desk.box.fail("server_error", times=1000)
        proof = erase(trust.deps, trust.author_id, trust.manager)
        assert not proof.finished
        assert len(proof.waiting) == 2
        assert trust.state(number) is GrantState.REVOKED
        assert _right(trust) == "taking"
        assert grant(trust.deps, number).handle == trust.handle
        trust.desk.box.heal()
        trust.settle(2, seconds=60)
        badges.settle_due(trust.deps)
        assert erase(trust.deps, trust.author_id, trust.manager).finished
        assert _right(trust) == "gone"
        assert grant(trust.deps, number).handle == f"erased-{trust.author_id}"
        with trust.deps.store.read() as session:
            assert session.query(Identity).all() == []


def _right(trust: Trust) -> str:
    return str(trust.desk.row(PlatformRight, author_id=trust.author_id).state)
