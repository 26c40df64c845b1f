"""The line over simulated weeks: drift, a tenfold hour, quiet nights, people who only work by day."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.evaluation.line import OUTAGE_AT, START, Simulation, simulate


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate(seed=7, weeks=7)


def test_what_somebody_saw_never_leaves_undecided(simulation: Simulation) -> None:
    assert simulation.broken == 0
    assert sum(talk.decided for talk in simulation.talks) > 50


def test_the_share_stays_a_tenth_within_a_hundredth(simulation: Simulation) -> None:
    """And a conversation or two: places are whole, and old conversations leave the window before new ones come."""
    settled = [m for m in simulation.moments if m.threads >= 300]
    assert len(settled) > 300
    assert all(0.09 - 2 / m.threads <= m.shown <= 0.11 + 2 / m.threads for m in settled)


def test_an_outage_moves_the_line_and_not_the_share(simulation: Simulation) -> None:
    around = [m for m in simulation.moments if abs(m.at - OUTAGE_AT) <= timedelta(days=2)]
    assert around
    assert max(m.shown for m in around) <= 0.11 + 2 / min(m.threads for m in around)


def test_nothing_starves(simulation: Simulation) -> None:
    """Whatever stands above the line was decided within a weekend and two working days."""
    assert max(m.undecided_oldest for m in simulation.moments if m.at > START + timedelta(days=3)) < 24 * 5
