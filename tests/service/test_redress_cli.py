"""`tenth rules`, `statements` and `appeals`."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner
from sqlalchemy import select

from service.cli import cli
from service.db.models import Person
from service.usecases import appeals
from service.usecases.people import create_person
from tests.support.decided import hidden_message
from tests.support.office import office

PASSWORD = "a long enough pass phrase 4711"


def said(*arguments: str) -> Any:
    found = CliRunner().invoke(cli, [*arguments, "--json"], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_the_command_line_lists_exports_and_decides() -> None:
    deps = office().deps
    for name in ("marta", "cleo"):
        create_person(deps, name, "manager", PASSWORD)
    with deps.store.read() as session:
        marta = session.scalars(select(Person.id).where(Person.username == "marta")).one()
    appeals.contest(deps, hidden_message(deps, marta).token, "I was quoting somebody.")

    rules = said("rules", "list")
    assert said("rules", "end", str(rules[0]["id"])) == {"id": rules[0]["id"], "ended": True}
    words = ("--title", "No spoilers", "--text", "Hide.", "--title-fr", "Sans révélations", "--text-fr", "Masquez.")
    assert said("rules", "add", *words)["id"] == said("rules", "list")[-1]["id"]
    assert len(said("statements", "export", "--since", "2020-01-01")["statements"]) == 1
    [waiting] = said("appeals", "list", "--state", "open")
    decided = said("appeals", "decide", str(waiting["id"]), "upheld", "--reason", "No quotation.", "--by", "cleo")
    assert decided == {"id": waiting["id"], "state": "upheld", "undo_action": None}
