"""Long runs of public answers, by `make soak`: with calls that fail and processes that are killed."""

from __future__ import annotations

import pytest

from service.selftest.place import DATABASE_VARIABLE
from service.selftest.replies import Plan, Result, try_replies

pytestmark = pytest.mark.soak

#: Of a hundred answers, so many may wait for a person; in a trial like this about twenty do.
MOST_WAITING = 34


def say(words: str) -> None:
    print(words, flush=True)


def check(result: Result, answers: int, kills: int) -> None:
    say(str(result.to_json()))
    assert (result.doubled, result.lost, result.astray) == (0, 0, 0)
    assert result.good
    assert result.approved == answers
    assert result.posted + result.waiting - result.there + result.returned == answers
    assert 100 * result.waiting < MOST_WAITING * answers
    assert result.kills >= kills


def test_three_hundred_answers() -> None:
    check(try_replies(Plan(), say), 300, 40)


def test_a_hundred_answers_on_postgresql(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATABASE_VARIABLE, postgres_server)
    check(try_replies(Plan(replies=100, kills=2, random_kills=6, seed=11), say), 100, 12)
