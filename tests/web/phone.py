"""An authenticator app, and clocks of a desk that tests may move or slow down."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
from flask import Flask

from service.db.models import Person
from service.deps import Deps, deps_of
from service.usecases import factors
from service.usecases.people import known_person


def codes_for(deps: Deps, name: str) -> pyotp.TOTP:
    """The app of a person who switched codes on five minutes ago."""
    with deps.store.read() as session:
        known = known_person(deps, session.query(Person).filter_by(username=name).one().id)
    assert known is not None
    before = deps.now() - timedelta(minutes=5)
    factors.begin_codes(deps, known)
    found = factors.begun(deps, known)
    assert found is not None
    app = pyotp.TOTP(found[0])
    assert factors.confirm_codes(replace(deps, now=lambda: before), known, app.at(before))
    return app


def slow_clock(app: Flask) -> None:
    """From here on a second of the desk's is a minute of ours: nothing runs out while a browser works."""
    start = datetime.now(UTC)
    app.extensions["tenth"] = replace(deps_of(app), now=lambda: start + (datetime.now(UTC) - start) / 60)


def move_clock(app: Flask, **ahead: Any) -> None:
    """From here on the desk's clock is that much ahead of the real one."""
    moved = timedelta(**ahead)
    app.extensions["tenth"] = replace(deps_of(app), now=lambda: datetime.now(UTC) + moved)
