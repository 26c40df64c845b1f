"""`tenth notices` and `tenth audit export`, as a person at a terminal and as a program use them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from moderation.errors import BadInput, NotAllowed
from moderation.notices import Given
from service.cli.audit import audit
from service.cli.notices import notices as command
from service.usecases import notices
from service.usecases.people import create_person
from tests.support.office import SECRET, Office, office

URL = "https://forum.example/t/leak/12/3"
WHY = "It threatens a neighbour with a knife."
REASON = ["--reason", "An opinion."]


@pytest.fixture
def desk() -> Iterator[Office]:
    desk = office(secret_key=SECRET)
    for role in ("manager", "responder"):
        create_person(desk.deps, role, role, "a long enough pass phrase 4711")
    notices.receive(desk.deps, Given((URL,), "KEYWORD_HATE_SPEECH", WHY, "Ada", "ada@example.org", good_faith=True))
    yield desk
    desk.close()


@pytest.fixture
def run(desk: Office) -> Iterator[CliRunner]:
    with ExitStack() as stack:
        for module in ("notices", "audit"):
            stack.enter_context(patch(f"service.cli.{module}.deps", autospec=True, return_value=desk.deps))
        yield CliRunner()


def test_what_is_not_clear_or_not_theirs_is_refused(run: CliRunner, desk: Office) -> None:
    assert run.invoke(command, ["decide", "1", *REASON]).exit_code == 2
    assert run.invoke(command, ["decide", "1", "--reject", "--by-hand", *REASON]).exit_code == 2
    for by, kind in (("responder", NotAllowed), ("nobody", BadInput)):
        found = run.invoke(command, ["decide", "1", "--reject", "--by", by, *REASON])
        assert isinstance(found.exception, kind)
    assert notices.open_count(desk.deps) == 1


def test_a_notice_is_listed_and_decided(run: CliRunner) -> None:
    assert "Hate speech" in run.invoke(command, ["list"]).output
    found = json.loads(run.invoke(command, ["list", "--json"]).output)
    assert (found["notices"][0]["url"], found["notices"][0]["content"], found["further"]) == (URL, None, None)
    told = run.invoke(command, ["decide", "1", "--reject", "--by", "manager", "--json", *REASON])
    assert json.loads(told.output) == {"notice": 1, "state": "rejected"}
    assert run.invoke(command, ["list"]).output == "No notice waits.\n"
    assert "rejected" in run.invoke(command, ["list", "--decided"]).output


def test_the_log_is_exported_by_name_and_kind(run: CliRunner) -> None:
    run.invoke(command, ["decide", "1", "--reject", "--by", "manager", *REASON])
    found = json.loads(run.invoke(audit, ["export", "--who", "manager", "--what", "notice"]).output)
    assert [(e["kind"], e["subject"], e["reason"]) for e in found["entries"]] == [
        ("notice:decide", "notice:1", "An opinion.")
    ]
    assert "manager" not in str(found["entries"])
    table = run.invoke(audit, ["export", "--format", "csv", "--since", "2031-01-01"]).output.splitlines()
    assert [line.split(",")[2] for line in table] == ["kind", "head"]
    assert isinstance(run.invoke(audit, ["export", "--until", "soon"]).exception, BadInput)
