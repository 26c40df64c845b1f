"""`tenth watch`: from a draft to a watch that is on, in text and in JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner, Result

from moderation.errors import BadInput
from service.cli import cli
from service.usecases.people import create_person
from tests.service.grants_support import PASSWORD
from tests.support.office import line, office


def ask(*arguments: str) -> Result:
    found = CliRunner().invoke(cli, ["watch", *arguments], catch_exceptions=False)
    assert found.exit_code == 0
    return found


def told(*arguments: str) -> Any:
    return json.loads(ask(*arguments, "--json").stdout)


def test_a_watch_by_commands() -> None:
    desk = office()
    create_person(desk.deps, "owner", "owner", PASSWORD)
    at = datetime.now(UTC).isoformat()
    desk.archive()
    desk.take_in([line(n, 1, "Cheap v1agra" if n == 2 else "A fine machine.", created_at=at) for n in range(3)])
    assert "Nothing is watched" in ask("list").stdout
    made = told("add", "viagra", "--reason", "Rule 4", "--community", "old-forum")
    assert (made["mode"], made["does"], made["ready"]) == ("draft", "surface", False)
    with pytest.raises(BadInput, match="last 30 days first"):
        ask("on", "1")
    tested = ask("test", "1")
    assert "1 of 3 messages, by 1 people." in tested.stdout
    assert "Cheap v1agra" in tested.stdout
    assert "3 of 3 messages read" in tested.stderr
    assert told("test", "1")["hits"] == 1
    assert told("on", "1")["mode"] == "on"
    assert "1  on  word “viagra”  surface" in ask("list").stdout
    assert "is off." in ask("off", "1").stdout
    assert [one["mode"] for one in told("list")] == ["off"]
    desk.close()
