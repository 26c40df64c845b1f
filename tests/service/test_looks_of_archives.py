"""An archive's clock stands still; its looks are due in ours, one after the other and not all the time."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from service.app import create_app
from service.config import load_settings
from service.db.models import Case, Community
from service.deps import Deps, deps_of
from service.usecases.connections import connect
from service.usecases.importing import import_file
from service.usecases.looking import look_again
from service.usecases.storage import ready_schema
from service.usecases.triage import triage_due

NEWEST = datetime(2019, 5, 1, 12, tzinfo=UTC)


def _archive(folder: Path) -> Deps:
    app = create_app(load_settings(data_dir=folder), web=False)
    ready_schema(app)
    deps = deps_of(app)
    connect(deps, "archive", "old", {}, "test")
    lines = [
        {
            "thread": f"t{n}",
            "id": f"m{n}",
            "author": f"a{n}",
            "created_at": (NEWEST - timedelta(hours=n)).isoformat(),
            "text": f"Good morning, here is cup number {n}.",
        }
        for n in range(30)
    ]
    stream = io.BytesIO("\n".join(json.dumps(line) for line in lines).encode())
    import_file(deps, "old", stream, lambda _bad: None, lambda *_: None)
    return deps


def test_what_is_left_of_an_archive_is_looked_at_in_our_time_and_then_rests(tmp_path: Path) -> None:
    deps = _archive(tmp_path / "desk")
    with deps.store.read() as session:
        left = session.scalars(select(Case).where(Case.lane == "left")).all()
        assert len(left) == 27
        assert all(case.look_again_at > deps.now() for case in left)
    assert look_again(deps) == 0
    assert triage_due(deps) == 0
    with deps.store.read() as session:
        assert session.scalars(select(Community.triage_due_at)).all() == [None]
