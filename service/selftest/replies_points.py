"""Points at which a process ends itself by SIGKILL: at a commit, before it, around and in a call to a platform.

They are put around what the process is given (the database engine, the connectors), not into the code that is tried.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, Engine, event

from plugins.contract import Connector, Session
from service.deps import Deps

#: By role, in the order in which a reply passes them.
POINTS: Mapping[str, tuple[str, ...]] = {
    "web": ("before_release_commit", "after_release_commit"),
    "worker": ("before_sending_commit", "before_call", "in_call", "before_done_commit", "after_done_commit"),
}
EVERY_POINT = frozenset(name for names in POINTS.values() for name in names)
#: What a transaction that is about to be committed has said: the statement's start, and a value it holds.
_COMMITS = {
    "release_commit": ("INSERT INTO action", "approved"),
    "sending_commit": ("INSERT INTO outbox", "sending"),
    "done_commit": ("UPDATE outbox", "done"),
    "accept_commit": ("UPDATE rights_grant", "active"),
    "revoke_commit": ("UPDATE rights_grant", "revoked"),
    "held_commit": ("UPDATE platform_right", "held"),
    "gone_commit": ("UPDATE platform_right", "gone"),
}
#: The calls of a session that a point can stand before or in.
_CALLS = {"call": "perform", "give": "give", "take": "take"}
#: Longest time, in our seconds, that a call may live before it is cut.
_CALL_SECONDS = 0.4


def end_now() -> None:
    """As a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(slots=True)
class Point:
    """One point of `POINTS`; the process ends when it comes there after having passed it `passes` times.

    `slip`: a file that is renamed at the end, from and to, so that others see what the process died of.
    """

    name: str
    passes: int = 0
    rng: Random = field(default_factory=Random)
    slip: tuple[Path, Path] | None = None

    def reached(self) -> None:
        """Called at the point."""
        if self.passes <= 0:
            if self.slip is not None:
                with suppress(FileNotFoundError):  # another thread of ours is here, too
                    self.slip[0].rename(self.slip[1])
            end_now()
        self.passes -= 1


def arm(deps: Deps, point: Point) -> Deps:
    """The same desk, that ends its process at the point."""
    if point.name.endswith("_commit"):
        arm_commit(deps.store.engine, point)
        return deps
    return replace(deps, connectors={name: _armed(c, point) for name, c in deps.connectors.items()})


def arm_commit(engine: Engine, point: Point) -> None:
    """SQLAlchemy's own events: `commit` comes before the driver's commit, the return to the pool after it."""
    when, _, what = point.name.partition("_")
    before, (start, value) = when == "before", _COMMITS[what]

    def executed(
        connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> None:
        values = parameters.values() if isinstance(parameters, Mapping) else parameters
        if statement.startswith(start) and value in values:
            connection.info["at_point"] = True

    def commit(connection: Connection) -> None:
        if before and connection.info.pop("at_point", False):
            point.reached()

    def checkin(_raw: Any, record: Any) -> None:
        if record.info.pop("at_point", False) and not before:
            point.reached()

    def rollback(connection: Connection) -> None:
        connection.info.pop("at_point", None)

    event.listen(engine, "after_cursor_execute", executed)
    event.listen(engine, "commit", commit)
    event.listen(engine, "rollback", rollback)
    event.listen(engine, "checkin", checkin)


def _armed(connector: Connector, point: Point) -> Connector:
    """A connector of the same class, whose sessions know the point."""
    kind = type(connector)

    def open_armed(self: Any, *given: Any) -> Session | None:
        session = kind.open(self, *given)
        if session is not None:
            arm_session(session, point)
        return session

    made: Connector = type(f"Armed{kind.__name__}", (kind,), {"open": open_armed})()
    return made


def arm_session(session: Session, point: Point) -> None:
    """Puts the point before or into the call that it names, if this session has it."""
    when, _, what = point.name.partition("_")
    call = getattr(session, _CALLS[what], None)
    if call is not None:
        setattr(session, _CALLS[what], partial(_called, call, point, cut=when == "in"))


def _called(call: Callable[..., Any], point: Point, *given: Any, cut: bool) -> Any:
    if not cut:
        point.reached()
        return call(*given)
    knife = threading.Timer(point.rng.uniform(0.0, _CALL_SECONDS), point.reached)
    knife.start()
    try:
        return call(*given)
    finally:
        knife.cancel()
