"""Requests that come together are scored together, each gets its own scores, and none waits forever."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.scoring.contract import Score, Text
from service.api.perspective.batching import BATCH, Batcher, Busy
from tests.support.office import until


def score_of(text: Text) -> Score:
    return Score(len(text.text) / 1_000, 0.0, 0.0, "en", (), "length@1")


def lengths(texts: Sequence[Text]) -> list[Score]:
    return [score_of(text) for text in texts]


def unseen(_texts: int, _seconds: float) -> None:
    """Counts nothing."""


class Held:
    """A scorer that waits until it is let go; it fails at a text of “bad”."""

    def __init__(self) -> None:
        self.go, self.began = threading.Event(), threading.Event()
        self.batches: list[int] = []

    def __call__(self, texts: Sequence[Text]) -> list[Score]:
        self.batches.append(len(texts))
        self.began.set()
        assert self.go.wait(60)
        if any(text.text == "bad" for text in texts):
            raise ValueError("bad")
        return lengths(texts)


def waiting(batcher: Batcher) -> int:
    return len(batcher._waiting)


def in_line(batcher: Batcher, count: int) -> None:
    """Returns when so many wait."""
    until(lambda: waiting(batcher) == count, pause=0.005)


def test_what_is_too_much_is_refused_at_once() -> None:
    held = Held()
    batcher = Batcher(held, unseen, waiting_max=2)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(batcher.score, [Text("a")])
        assert held.began.wait(60)
        others = [pool.submit(batcher.score, [Text("b")]) for _ in range(2)]
        in_line(batcher, 2)
        with pytest.raises(Busy):
            batcher.score([Text("c")])
        held.go.set()
        assert all(f.result(60) for f in (first, *others))


def test_who_waits_too_long_is_refused_and_leaves_the_line() -> None:
    held = Held()
    batcher = Batcher(held, unseen, wait_seconds=0.05)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(batcher.score, [Text("a")])
        assert held.began.wait(60)
        with pytest.raises(Busy):
            batcher.score([Text("b")])
        assert waiting(batcher) == 0
        held.go.set()
        assert first.result(60) == [score_of(Text("a"))]
    assert batcher.score([Text("c")]) == [score_of(Text("c"))]


def test_those_who_come_meanwhile_are_scored_together() -> None:
    held = Held()
    batcher = Batcher(held, unseen)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(batcher.score, [Text("a")])
        assert held.began.wait(60)
        others = [pool.submit(batcher.score, [Text("b" * n)]) for n in range(1, 9)]
        in_line(batcher, 8)
        held.go.set()
        assert first.result(60) == [score_of(Text("a"))]
        assert [f.result(60) for f in others] == [[score_of(Text("b" * n))] for n in range(1, 9)]
    assert held.batches == [1, 8]


def test_one_that_cannot_be_scored_takes_no_neighbour_along() -> None:
    held = Held()
    batcher = Batcher(held, unseen)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(batcher.score, [Text("a")])
        assert held.began.wait(60)
        good = [pool.submit(batcher.score, [Text("good")]) for _ in range(2)]
        bad = pool.submit(batcher.score, [Text("bad")])
        in_line(batcher, 3)
        held.go.set()
        assert first.result(60)
        assert [f.result(60) for f in good] == [[score_of(Text("good"))]] * 2
        with pytest.raises(ValueError, match="bad"):
            bad.result(60)


def test_a_long_request_goes_whole_and_no_batch_grows_beyond_its_limit() -> None:
    held = Held()
    batcher = Batcher(held, unseen)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(batcher.score, [Text("a")] * (BATCH + 5))
        assert held.began.wait(60)
        others = [pool.submit(batcher.score, [Text("b")] * (BATCH - 10)) for _ in range(3)]
        in_line(batcher, 3)
        held.go.set()
        assert [len(f.result(60)) for f in (first, *others)] == [BATCH + 5, *[BATCH - 10] * 3]
    assert held.batches == [BATCH + 5, *[BATCH - 10] * 3]


@given(st.lists(st.lists(st.text(max_size=20), min_size=1, max_size=5), min_size=1, max_size=40), st.integers(1, 12))
def test_everybody_gets_the_scores_of_their_own_texts(asked: list[list[str]], threads: int) -> None:
    seen: list[int] = []
    batcher = Batcher(lengths, lambda texts, _seconds: seen.append(texts))
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda texts: batcher.score([Text(t) for t in texts]), asked))
    assert found == [[score_of(Text(t)) for t in texts] for texts in asked]
    assert sum(seen) == sum(map(len, asked))
    assert waiting(batcher) == 0
