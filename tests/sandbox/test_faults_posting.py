"""What a trial of replies rests on: the sandbox's books, and a doubled call where a key is honoured and where not."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from sandbox_server import Running, running_sandbox

TEXT = "We have seen it and are looking into it."


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


def post(box: Running, key: str = "one") -> str | None:
    """The status that a call makes, or None when no answer comes."""
    headers = box.mastodon.headers | {"Idempotency-Key": key}
    try:
        answer = box.client.post("/api/v1/statuses", data={"status": TEXT}, headers=headers)
    except httpx.HTTPError:
        return None
    return str(answer.json()["id"])


def said(box: Running, username: str = "brava") -> list[str]:
    books = box.control("GET", f"/said/{username}")
    return [one["text"] for one in (*books["posts"], *books["statuses"])]


def test_the_books_hold_what_was_said_and_not_deleted(box: Running) -> None:
    before = len(said(box))
    made = post(box)
    box.client.post("/posts.json", json={"topic_id": 1, "raw": TEXT}, headers=box.discourse.headers)
    assert said(box).count(TEXT) == 2
    box.control("DELETE", f"/statuses/{made}")
    assert said(box).count(TEXT) == 1
    assert len(said(box)) == before + 1
    assert said(box, "nobody") == []


@pytest.mark.parametrize(("honoured", "posts"), [(True, 1), (False, 2)])
def test_a_call_that_comes_a_second_time(box: Running, honoured: bool, posts: int) -> None:
    box.control("PUT", "/options", idempotency=honoured)
    first, second = post(box), post(box)
    assert (first == second) == honoured
    assert said(box).count(TEXT) == posts


@pytest.mark.parametrize(("honoured", "posts"), [(True, 1), (False, 2)])
def test_an_effect_that_comes_after_the_second_call(box: Running, honoured: bool, posts: int) -> None:
    box.control("PUT", "/options", idempotency=honoured)
    box.fail("late_effect", path="/api/v1/statuses", method="POST", seconds=0.05, delay=0.5)
    assert post(box) is None
    assert post(box) is not None
    deadline = time.monotonic() + 60
    while said(box).count(TEXT) < posts and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    assert said(box).count(TEXT) == posts


@pytest.mark.parametrize(("kind", "posts"), [("timeout_before", 0), ("timeout_after", 1)])
def test_a_silence_is_cut_off_with_and_without_its_effect(box: Running, kind: str, posts: int) -> None:
    box.fail(kind, path="/api/v1/statuses", method="POST", seconds=0.05)
    assert post(box) is None
    assert said(box).count(TEXT) == posts
