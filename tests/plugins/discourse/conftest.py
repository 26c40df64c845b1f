"""A sandbox forum and connections to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.plugins.discourse.desk import Desk, connect
from tests.sandbox_server import Running, running_sandbox


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def desks(box: Running) -> Iterator[Callable[..., Desk]]:
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
