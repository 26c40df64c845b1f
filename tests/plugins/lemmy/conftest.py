"""A sandbox as a Lemmy server, in both versions of its API, and connections to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.plugins.lemmy.box import Box
from tests.plugins.lemmy.desk import Desk, connect
from tests.sandbox_server import running_sandbox


@pytest.fixture(params=["v3", "v4"])
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    with running_sandbox(lemmy_v4=request.param == "v4") as running:
        yield Box(running)


@pytest.fixture
def desks(box: Box) -> Iterator[Callable[..., Desk]]:
    """Makes connections to the sandbox and closes them."""
    made: list[Desk] = []

    def make(**changes: Any) -> Desk:
        made.append(connect(box, **changes))
        return made[-1]

    yield make
    for one in made:
        one.session.close()


@pytest.fixture
def desk(desks: Callable[..., Desk]) -> Desk:
    return desks()
