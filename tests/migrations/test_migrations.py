"""Migrations on real databases: up, down, up again, and no difference to the models at the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade
from sqlalchemy import inspect

from service.config import MIGRATIONS
from service.db.base import Base
from service.deps import deps_of
from service.usecases.storage import SchemaBehind, migrate, ready_schema, schema_state
from tests.support.office import empty_office, fresh_database, line, office

FILES = sorted(p for p in (MIGRATIONS / "versions").glob("*.py") if p.name != "__init__.py")


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """The service on an empty database of each kind."""
    if request.param == "sqlite":
        desk = empty_office(database_url=f"sqlite:///{tmp_path / 'tenth.db'}")
        with closing(desk):
            yield desk.app
        return
    with fresh_database(request.getfixturevalue("postgres_server")) as url:
        desk = empty_office(database_url=url)
        with closing(desk):
            yield desk.app


def tables(app: Flask) -> set[str]:
    return set(inspect(deps_of(app).store.engine).get_table_names())


def down(app: Flask, revision: str = "base") -> None:
    with app.app_context():
        downgrade(directory=str(MIGRATIONS), revision=revision)


def test_up_down_and_up_again_leaves_no_drift(app: Flask) -> None:
    assert tables(app) == set()
    migrate(app)
    assert tables(app) == {*Base.metadata.tables, "alembic_version"}
    down(app)
    assert tables(app) == {"alembic_version"}
    migrate(app)
    current, head = schema_state(app)
    assert current == head
    with deps_of(app).store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_each_step_can_be_taken_back_alone(app: Flask) -> None:
    steps = [r.revision for r in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][::-1]
    for revision in steps:
        migrate(app, revision)
        down(app, "-1")
        migrate(app, revision)
    assert schema_state(app)[0] == steps[-1]


def test_a_database_of_another_version_is_refused_with_what_to_do(app: Flask) -> None:
    with deps_of(app).store.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE somebody_elses (id INTEGER)")
    with pytest.raises(SchemaBehind, match="tenth migrate"):
        ready_schema(app)
    assert tables(app) == {"somebody_elses"}


def test_a_second_start_changes_nothing() -> None:
    with closing(office()) as first:
        first.archive()
        first.take_in([line(1, 1, "Is anybody there?")])
        before = first.counts()
    with closing(office()) as second:
        assert second.counts() == before


def test_every_file_is_named_by_its_number_and_what_it_does() -> None:
    assert FILES
    for number, path in enumerate(FILES, 1):
        assert re.fullmatch(rf"{number:04d}_[a-z][a-z0-9_]*\.py", path.name), path.name
        text = path.read_text()
        assert f'revision = "{number:04d}"' in text or f"revision = '{number:04d}'" in text, path.name


def test_there_is_one_line_of_revisions() -> None:
    assert len(ScriptDirectory(str(MIGRATIONS)).get_heads()) == 1
