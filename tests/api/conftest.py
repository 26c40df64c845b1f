"""Fixtures: a desk with a forum connected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from api_support import Desk, make_desk


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Makes apps, each with settings and a database of its own."""
    made: list[Desk] = []

    def build(**settings: Any) -> Desk:
        made.append(make_desk(tmp_path / str(len(made)), **settings))
        return made[-1]

    yield build
    for desk in made:
        desk.deps.store.engine.dispose()


@pytest.fixture
def desk(make: Callable[..., Desk]) -> Desk:
    """A desk with one forum."""
    built = make()
    built.add_forum()
    return built
