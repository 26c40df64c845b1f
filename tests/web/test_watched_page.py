"""The page of watched words: a manager's own; a draft, its trial and its switch by forms; hostile text stays text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from service.deps import Deps
from service.usecases import backtest, watching
from tests.web.desk import Said, Seeder, post

As = Callable[[str], FlaskClient]


def write(client: FlaskClient, **fields: str) -> tuple[int, str]:
    form = {"kind": "word", "pattern": "viagra", "does": "hide", "reason": "Rule 4: no advertising."} | fields
    answer = post(client, "/watched", **form)
    return answer.status_code, answer.text


@pytest.mark.parametrize("role", ["responder", "analyst"])
def test_only_managers_open_it(as_role: As, role: str) -> None:
    assert as_role(role).get("/watched").status_code == 403
    for address in ("/watched", "/watched/1/try", "/watched/1/switch"):
        assert post(as_role(role), address).status_code == 403


def test_a_watch_goes_from_draft_to_on_and_off(deps: Deps, seed: Seeder, as_role: As) -> None:
    community = seed.community(seed.connection(), "Help")
    seed.thread(community, [Said("Where is it?"), Said("<b>Buy</b> v1agra", author="Spam", handle="@spam")])
    manager = as_role("manager")
    assert write(manager, place=str(community), does="surface")[0] == 303
    page = manager.get("/watched").text
    assert "draft: only counts" in page
    assert 'value="on"' not in page
    early = post(manager, "/watched/1/switch", mode="on")
    assert early.status_code == 422
    assert "Try it on the last 30 days first" in early.text
    assert post(manager, "/watched/1/try").status_code == 303
    assert "It is being tried" in manager.get("/watched").text
    backtest.run_asked(deps)
    page = manager.get("/watched").text
    assert "would have found 1 message" in page
    assert "&lt;b&gt;Buy&lt;/b&gt;" in page
    assert post(manager, "/watched/1/switch", mode="on").status_code == 303
    assert [w.mode for w in watching.watches(deps)] == ["on"]
    assert "answers for it" in manager.get("/watched").text
    post(manager, "/watched/1/switch", mode="off")
    assert "1 that is off" in manager.get("/watched").text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "pattern", "pattern": "(a"}, "not a pattern"),
        ({"kind": "pattern", "pattern": ".*"}, "nearly everything"),
        ({"pattern": " "}, "what is to be found"),
        ({"place": "7"}, "no such community"),
        ({"place": "x"}, "no such community"),
        ({"rule": "999"}, "does not hold there"),
    ],
)
def test_what_is_refused_is_said_and_what_was_typed_stays(as_role: As, fields: dict[str, str], words: str) -> None:
    status, page = write(as_role("manager"), **fields)
    assert status == 422
    assert words in page
    assert 'value="Rule 4: no advertising."' in page
