"""Windows, batches, memory and pool: what makes a network fast without changing what it says."""

from __future__ import annotations

import threading
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.scoring.batching import Memo, Pool, batches, windows
from moderation.scoring.cores import cores


@pytest.mark.parametrize(("size", "overlap"), [(4, 4), (4, 5), (4, -1), (0, 0)])
def test_windows_that_cannot_move_on_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="cannot share"):
        windows([1, 2], size, overlap)


@given(st.integers(0, 200), st.integers(1, 40), st.data())
def test_windows_cover_every_token_and_share_what_they_should(count: int, size: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    found = windows(range(count), size, overlap)
    assert [*found[0], *(token for window in found[1:] for token in window[overlap:])] == list(range(count))
    assert all(len(window) == size for window in found[:-1])
    assert all(window[-overlap:] == after[:overlap] for window, after in pairwise(found) if overlap)
    assert len(found) == 1 or overlap < len(found[-1]) <= size


@given(st.lists(st.integers(1, 600)), st.integers(1, 1024), st.integers(0, 50))
def test_batches_hold_every_row_once_within_the_budget(lengths: list[int], budget: int, overhead: int) -> None:
    found = batches(lengths, budget, overhead)
    assert sorted(place for batch in found for place in batch) == list(range(len(lengths)))
    for batch in found:
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= budget
    flat = [lengths[place] for batch in found for place in batch]
    assert flat == sorted(flat, reverse=True)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 90), st.integers(0, 20))
def test_no_other_batches_cost_less(lengths: list[int], budget: int, overhead: int) -> None:
    """Beside every way of cutting the sorted rows."""

    def cost(parts: list[list[int]]) -> float:
        if any(len(part) > 1 and len(part) * max(part) > budget for part in parts):
            return float("inf")
        return sum(overhead + len(part) * max(part) for part in parts)

    rows = sorted(lengths, reverse=True)
    cuts = [[0, *kept, len(rows)] for n in range(len(rows)) for kept in combinations(range(1, len(rows)), n)]
    least = min(cost([rows[a:b] for a, b in pairwise(cut)]) for cut in cuts)
    assert cost([[lengths[place] for place in batch] for batch in batches(lengths, budget, overhead)]) == least


def test_a_memory_forgets_what_was_asked_for_longest_ago() -> None:
    memo: Memo[str, int] = Memo(2)
    memo.keep("a", 1)
    memo.keep("b", 2)
    assert memo.get("a") == 1
    memo.keep("c", 3)
    assert (memo.get("a"), memo.get("b"), memo.get("c")) == (1, None, 3)


def test_a_full_pool_holds_up_who_brings_more() -> None:
    pool, go, running = Pool(threads=2, waiting=1), threading.Event(), threading.Semaphore(0)
    taken: list[int] = []

    def work(job: int) -> int:
        taken.append(job)
        running.release()
        go.wait(60)
        return job * job

    found: list[list[int]] = []
    caller = threading.Thread(target=lambda: found.append(pool.map(work, range(9))))
    caller.start()
    assert running.acquire(timeout=60) and running.acquire(timeout=60)
    assert len(taken) == 2, "two threads, two jobs at a time"
    go.set()
    caller.join(60)
    assert found == [[number * number for number in range(9)]]


def test_an_error_of_a_job_is_the_callers_and_the_pool_goes_on() -> None:
    pool = Pool(threads=1, waiting=0)
    with pytest.raises(ZeroDivisionError):
        pool.map(lambda number: 1 / number, [1, 0, 2])
    assert pool.map(lambda number: 2 * number, [1, 2, 3]) == [2, 4, 6]


def test_a_quota_of_the_control_group_bounds_the_cores(tmp_path: Path) -> None:
    free = cores(tmp_path)
    assert free >= 1
    for told, expected in (("50000 100000", 1), ("max 100000", free), ("nonsense", free), ("99900000 100000", free)):
        (tmp_path / "cpu.max").write_text(told)
        assert cores(tmp_path) == expected


def test_the_older_control_groups_quota_counts_too(tmp_path: Path) -> None:
    free = cores(tmp_path)
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    for told, expected in (("100000", 1), ("-1", free)):
        (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(told)
        assert cores(tmp_path) == expected
