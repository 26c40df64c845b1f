"""`tenth person`: link, reset-factor and unlock, for the day when nobody can sign in."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from moderation.errors import BadInput
from service.cli import cli
from service.usecases import factors, lockout, sessions
from service.usecases.invitations import holder
from service.usecases.people import create_person, known_person
from tests.support.office import office


def ask(*arguments: str, **settings: str) -> str:
    found = CliRunner().invoke(cli, ["person", *arguments], env=settings, catch_exceptions=False)
    assert found.exit_code == 0
    return found.output


def test_the_way_back_in_from_the_command_line() -> None:
    desk = office()
    create_person(desk.deps, "ada", "owner", "a password long enough")
    ada = known_person(desk.deps, 1)
    assert ada is not None
    for _ in range(lockout.TRIES):
        lockout.guarded(desk.deps, "ada", lambda: None)
    factors.begin_codes(desk.deps, ada)
    current = sessions.begin(desk.deps, ada.id, "password", "")
    assert current is not None

    assert "may try again" in ask("unlock", "Ada")
    assert lockout.locked_until(desk.deps, "ada") is None
    assert "password alone" in ask("reset-factor", "ada")
    assert not factors.of_person(desk.deps, 1).begun
    assert sessions.find(desk.deps, current.token) is None
    found = re.search(
        r"https://desk\.example/link/([\w-]{43})\n", ask("link", "ada", TENTH_PUBLIC_URL="https://desk.example")
    )
    assert found
    assert holder(desk.deps, found.group(1)) == known_person(desk.deps, 1)
    assert "TENTH_PUBLIC_URL" in ask("link", "ada")
    assert holder(desk.deps, found.group(1)) is None
    desk.close()


@pytest.mark.parametrize("verb", ["link", "unlock", "reset-factor"])
def test_nobody_of_that_name(verb: str) -> None:
    with pytest.raises(BadInput, match="nobody named"):
        ask(verb, "bob")
