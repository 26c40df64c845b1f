"""An application a test, and clients that are signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.deps import Deps, deps_of
from tests.web.desk import Seeder, build, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = build(tmp_path)
    yield app
    deps_of(app).store.engine.dispose()


@pytest.fixture
def deps(app: Flask) -> Deps:
    return deps_of(app)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def seed(deps: Deps) -> Seeder:
    return Seeder(deps)


@pytest.fixture
def as_role(app: Flask) -> Callable[[str], FlaskClient]:
    """A client signed in as the person of a role."""

    def enter(role: str) -> FlaskClient:
        client = app.test_client()
        assert sign_in(client, role).status_code == 303
        return client

    return enter


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from tests.web.chromium import chromium

    with chromium() as found:
        yield found
