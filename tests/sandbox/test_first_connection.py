"""What `tenth run --sandbox` connects: a forum whose owner allows more calls than the default, and which is told so."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import select

from service.app import create_app
from service.config import load_settings
from service.db.models import Connection
from service.deps import deps_of
from service.sandbox.client import FORUM, FORUM_CALLS, connect_sandbox
from service.usecases import polling
from service.usecases.storage import ready_schema
from tests.sandbox_server import running_sandbox


def test_the_first_read_is_not_slowed_by_the_forums_limit(tmp_path: Path) -> None:
    with running_sandbox(admin_calls_per_minute=FORUM_CALLS) as box:
        hosts = frozenset({urlsplit(box.url).netloc})
        app = create_app(load_settings(data_dir=tmp_path, allow_private_hosts=hosts), web=False)
        ready_schema(app)
        deps = deps_of(app)
        for _ in range(2):  # the second run finds them connected
            connect_sandbox(deps, box.url)
        with deps.store.read() as session:
            row = session.scalars(select(Connection).where(Connection.name == FORUM)).one()
        polling.poll_connection(deps, row.id)
        with deps.store.read() as session:
            assert session.get_one(Connection, row.id).state == "ok"
    assert row.settings["calls_per_minute"] == FORUM_CALLS
    deps.store.engine.dispose()
