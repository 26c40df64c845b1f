"""`tenth bench perspective`, small: that it measures a real server, never how fast this machine is."""

from __future__ import annotations

from service.bench.perspective import PerspectiveLoad, bench_perspective


def test_the_bench_asks_a_real_server_and_counts_what_failed() -> None:
    said: list[str] = []
    found = bench_perspective(PerspectiveLoad(rate=20, seconds=2, connections=3), said.append).to_json()
    assert found["failed"] == 0
    assert found["perspective_per_s"] > 0
    assert found["healthz_per_s"] > 0
    assert found["texts_per_batch"] >= 1
    assert found["cores"] in (1, 2)
    assert said[0] == "starting the service …"
