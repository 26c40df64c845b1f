"""Numbers that no database keeps, in addresses and forms; and that what is refused is written down."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import IntegerConverter

from service.web import access
from tests.web.desk import post
from tests.web.test_access import ARGUMENTS, rules


@pytest.mark.parametrize("number", [2**31, 2**63, 10**30])
def test_a_number_beyond_all_is_a_mistake_and_no_fault(
    app: Flask, as_role: Callable[[str], FlaskClient], number: int
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    client = as_role("owner")
    for rule in rules(app):
        numbers = {n for n, kind in rule._converters.items() if isinstance(kind, IntegerConverter)}
        if numbers:
            wanted = {n: number if n in numbers else ARGUMENTS[n] for n in rule.arguments}
            with app.test_request_context():
                where = app.url_for(rule.endpoint, **wanted)
            answer = client.get(where) if "GET" in (rule.methods or ()) else post(client, where, version="1")
            assert answer.status_code < 500, where
    for where in (f"/queue?thread={number}", f"/queue?community={number}", f"/bulk?case={number}"):
        assert client.get(where).status_code < 500, where


def test_what_is_refused_is_written_down(
    as_role: Callable[[str], FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, written = as_role("analyst"), structlog.testing.CapturingLogger()
    monkeypatch.setattr(access, "log", written)  # a logger that was used before keeps its own way out
    assert client.get("/people").status_code == 403
    (call,) = written.calls
    assert (call.method_name, call.args) == ("warning", ("page.refused",))
    assert (call.kwargs["page"], call.kwargs["method"]) == ("web.people", "GET")
    assert call.kwargs["who"].startswith("person:")
