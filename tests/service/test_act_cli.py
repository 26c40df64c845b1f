"""`tenth act`: asked for, undone, seconded and listed by commands, with the rights of the person named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from moderation.errors import BadInput, NotAllowed
from service.cli import cli
from service.db.models import Connection, Message
from service.usecases.people import create_person
from tests.service.grants_support import PASSWORD
from tests.support.office import Office, line, office
from tests.web.desk import Said, Seeder


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["act", *arguments], catch_exceptions=False)


def told(*arguments: str) -> Any:
    return json.loads(ask(*arguments, "--json").stdout)


def forum(desk: Office) -> tuple[str, str]:
    """(thread, message) of a forum that is out of shadow mode."""
    for name, role in (("owner", "owner"), ("noor", "manager"), ("lin", "analyst")):
        create_person(desk.deps, name, role, PASSWORD)
    seed = Seeder(desk.deps)
    part = seed.community(seed.connection("Forum", connector="discourse", shadow=False), "Repairs")
    thread = seed.thread(part, [Said("Hello"), Said("Idiots.", "Zed", "zed")], title="Loud")
    with desk.deps.store.read() as session:
        message = session.scalars(select(Message.id).where(Message.text == "Idiots.")).one()
    return str(thread), str(message)


def test_acts_by_commands() -> None:
    desk = office()
    thread, message = forum(desk)
    assert "No acts yet" in ask("list").stdout
    with pytest.raises(NotAllowed, match="does not include"):
        ask("hide", thread, "--message", message, "--reason", "Rule 2", "--as", "lin")
    with pytest.raises(BadInput, match="law"):
        ask("hide", thread, "--message", message, "--reason", "Rule 2", "--law", "")
    made = told("hide", thread, "--message", message, "--reason", "Rule 2", "--law", "§ 185 StGB")[0]
    assert (made["state"], made["role"], made["law"]) == ("approved", "owner", "§ 185 StGB")
    assert "cancelled" in ask("undo", str(made["id"])).stdout
    waits = told("suspend", thread, "--message", message, "--reason", "Rule 2", "--hours", "24")[0]
    assert [one["id"] for one in told("list", "--waiting")] == [waits["id"]]
    with pytest.raises(NotAllowed, match="another one"):
        ask("second", str(waits["id"]))
    assert told("second", str(waits["id"]), "--as", "noor")[0]["state"] == "approved"


def test_what_cannot_be_done_is_told() -> None:
    desk = office()
    create_person(desk.deps, "owner", "owner", PASSWORD)
    desk.archive()
    desk.take_in([line(1, 1, "A fine machine.")])
    with pytest.raises(BadInput, match="cannot be done"):
        ask("lock", "1", "--reason", "Heated")
    assert ask("reply", "1", "--reason", "x").exit_code == 2


def test_what_our_account_may_not_do_is_told_with_the_way_out() -> None:
    desk = office()
    thread, message = forum(desk)
    with desk.deps.store.write() as session:
        row = session.scalars(select(Connection)).one()
        row.may, row.lacks = ["reply"], {"hide": "Make it a moderator there."}
    with pytest.raises(NotAllowed, match=r"no right to “hide”\. Make it a moderator there"):
        ask("hide", thread, "--message", message, "--reason", "Rule 2")
    with pytest.raises(NotAllowed, match=r"no right to “lock”\. Give it that right on the platform"):
        ask("lock", thread, "--reason", "Rule 2")
    assert "No acts yet" in ask("list").stdout
