"""The bench of reputation, on a very small forum: what it counts holds together; speed is never asserted."""

from __future__ import annotations

from service.bench.reputation import EACH, bench_reputation


def test_a_small_run_holds_together() -> None:
    said: list[str] = []
    found = bench_reputation(4_800, said.append, changed=5)
    assert [step.changed for step in found.sizes] == [5, 5, 5]
    assert all(step.messages >= 4_800 * share for step, share in zip(found.sizes, (1 / 16, 1 / 4, 1), strict=True))
    assert found.authors == 4_800 // EACH
    assert [step.changed for step in found.changes] == [5, 50, 500]
    assert 0 < found.changes[0].made < found.changes[1].made <= found.changes[2].made <= found.authors
    assert found.full_seconds >= 0 and found.to_json()["ratio"] == found.ratio
    assert len(said) >= 6
