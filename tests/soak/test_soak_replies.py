"""Long runs of public answers, by `make soak`: three hundred with calls that fail and processes that are killed."""

from __future__ import annotations

import pytest

from service.selftest.place import DATABASE_VARIABLE
from service.selftest.replies import Plan, Result, try_replies

pytestmark = pytest.mark.soak

MOST_WAITING = 100


def say(words: str) -> None:
    print(words, flush=True)


def check(result: Result) -> None:
    say(str(result.to_json()))
    assert (result.doubled, result.lost, result.astray) == (0, 0, 0)
    assert result.good
    assert result.approved == 300
    assert result.posted + result.waiting - result.there + result.returned == 300
    assert result.waiting < MOST_WAITING
    assert result.kills >= 40


def test_three_hundred_answers() -> None:
    check(try_replies(Plan(), say))


def test_three_hundred_answers_on_postgresql(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATABASE_VARIABLE, postgres_server)
    check(try_replies(Plan(seed=11), say))
