"""Badges follow thanks, on a real forum of the sandbox: given to who said yes, taken when it ends, tried until done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from service.cli import stars as stars_cli
from service.db import audit
from service.db.models import AuditEntry
from service.db.thanks_tables import Badge
from service.sandbox.discourse_badges import badges_of
from service.usecases import badges, grants, thanks
from service.usecases.switches import set_stop
from tests.service.grants_support import Trust, trusted


@pytest.fixture
def trust(tmp_path: Path) -> Iterator[Trust]:
    with trusted(tmp_path) as made:
        yield made


def worn(trust: Trust) -> list[str]:
    return [name for name, _ in badges_of(trust.desk.box.world).held.values()]


def row(trust: Trust) -> Badge:
    with trust.deps.store.read() as session:
        return session.scalars(select(Badge)).one()


def turn(trust: Trust) -> None:
    badges.follow(trust.deps)
    badges.settle_due(trust.deps)


def test_nobody_wears_one_who_is_not_named_or_holds_too_little(trust: Trust) -> None:
    short = trust.active(days=29)
    turn(trust)
    thanks.decide(trust.deps, trust.author_id, True, trust.expert())
    turn(trust)
    assert worn(trust) == []
    grants.revoke(trust.deps, short, trust.manager, "A longer one follows")
    trust.active(days=30)
    turn(trust)
    assert worn(trust) == ["marc"]
    assert row(trust).state == badges.GIVEN


def test_it_is_taken_when_the_grant_ends_also_where_the_forum_is_down_for_a_while(trust: Trust) -> None:
    grant = trust.active()
    thanks.decide(trust.deps, trust.author_id, True, trust.expert())
    turn(trust)
    assert worn(trust) == ["marc"]
    grants.revoke(trust.deps, grant, trust.manager, "A try")
    trust.desk.box.fail("server_error", status=503, times=50)
    turn(trust)
    assert worn(trust) == ["marc"] and row(trust).state == badges.TAKING and row(trust).error
    trust.desk.box.heal()
    assert badges.connections_with_due(trust.deps) == []
    trust.desk.clock.pass_(seconds=60)
    turn(trust)
    assert worn(trust) == [] and row(trust).state == badges.GONE
    turn(trust)
    with trust.deps.store.read() as session:
        kinds = session.scalars(select(AuditEntry.kind).where(AuditEntry.kind.like("badge:%"))).all()
        assert audit.verify(session, trust.deps.vault) == []
    assert kinds == ["badge:give", "badge:take"]


def test_whoever_takes_their_name_off_loses_it_and_may_have_it_again(trust: Trust) -> None:
    trust.active()
    for shown, expected in ((True, ["marc"]), (False, []), (True, ["marc"])):
        thanks.decide(trust.deps, trust.author_id, shown, trust.expert())
        turn(trust)
        assert worn(trust) == expected


def test_while_the_stop_is_on_none_is_given_and_one_is_still_taken(trust: Trust) -> None:
    trust.active()
    thanks.decide(trust.deps, trust.author_id, True, trust.expert())
    set_stop(trust.deps, True, "test", "A try")
    turn(trust)
    assert worn(trust) == [] and "stop" in row(trust).error


def test_two_workers_make_one_call(trust: Trust) -> None:
    trust.active()
    thanks.decide(trust.deps, trust.author_id, True, trust.expert())
    badges.follow(trust.deps)
    assert len(badges._claim(trust.deps, None)) == 1
    assert badges._claim(trust.deps, None) == []
    trust.desk.clock.pass_(seconds=51)
    assert badges.settle_due(trust.deps) == 1, "a worker died in it"
    assert worn(trust) == ["marc"]


def test_the_command_lists_who_is_named_and_what_is_on_its_way(trust: Trust, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stars_cli, "deps", lambda: trust.deps)
    run = CliRunner().invoke
    assert "Nobody is named yet" in run(stars_cli.stars_command).output
    trust.active()
    thanks.decide(trust.deps, trust.author_id, True, trust.expert())
    badges.follow(trust.deps)
    found = json.loads(run(stars_cli.stars_command, ["--json"]).output)
    assert [star["handle"] for star in found["stars"]] == [trust.handle]
    assert [badge["state"] for badge in found["badges"]] == ["giving"]
    assert "badge “Rock star” of marc: giving." in run(stars_cli.stars_command).output
