"""Fixtures: a desk with a forum connected; pages are left out while there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from api_support import Desk, make_desk

from service import web


@pytest.fixture(autouse=True)
def _pages(monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(web, "install"):
        monkeypatch.setattr(web, "install", lambda app, settings: None, raising=False)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def build(**settings: Any) -> Desk:
        made.append(make_desk(tmp_path / str(len(made)), **settings))
        return made[-1]

    yield build
    for desk in made:
        desk.deps.store.engine.dispose()


@pytest.fixture
def desk(make: Callable[..., Desk]) -> Desk:
    built = make()
    built.add_forum()
    return built
