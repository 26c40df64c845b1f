"""The trial of replies against somebody's real server: in a thread of its own that it starts by posting.

Nothing of that server is killed or spoiled, only our own processes; times are the true ones.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import httpx
from sqlalchemy import func, select, update

from moderation.model import AuthorRole, MessageSeen
from plugins.contract import Connector
from plugins.net import call, httpx_client
from service.config import load_settings
from service.db import deliveries as inbox
from service.db.models import Author, Case, Connection
from service.deps import Deps, utc_now
from service.selftest.place import TrialError, throw_away
from service.selftest.replies import Plan, Result, Say, play
from service.selftest.replies_clock import Clock, by_clock
from service.selftest.replies_count import count
from service.usecases import intake, triage
from service.usecases.connections import connect, open_session, opened, set_shadow

OPENING = "This thread is a self-test of the brand's moderation desk. Nobody needs to answer; it can be deleted."
TITLE = "Self-test of the moderation desk, please ignore"
_ACTOR = "selftest"


@dataclass(frozen=True, slots=True)
class Server:
    """A real server and the account that posts there; `given` are the connector's settings. Holds credentials."""

    connector: str
    given: Mapping[str, Any] = field(repr=False)
    category: int | None = None


def try_server(server: Server, plan: Plan, say: Say) -> Result:
    """Posts the thread, answers it `plan.replies` times, and counts what stands there. Raises TenthError."""
    started, rng = time.monotonic(), Random(plan.seed)
    clock = Clock(utc_now())
    result = Result()
    with throw_away(sorted(load_settings().private_hosts)) as place:
        here = replace(place, deps=by_clock(place.deps, clock))
        connection_id = _connect(here.deps, server)
        thread_id, where = open_thread(server, place.settings.private_hosts)
        say(f"posted {where}")
        _read_thread(here.deps, connection_id, thread_id)
        crew = play(here, clock, plan, plan.replies, rng, say)
        result.add(server.connector, count(here.deps, connection_id, _said(here.deps, connection_id, thread_id)))
    result.kills, result.killed = crew.killed.total(), dict(crew.killed)
    result.seconds = round(time.monotonic() - started, 1)
    return result


def _connect(deps: Deps, server: Server) -> int:
    """Live, and never polled: the trial reads its own thread and nothing else of the account."""
    connection_id, _check = connect(deps, server.connector, "trial", server.given, _ACTOR)
    set_shadow(deps, connection_id, False, _ACTOR)
    with deps.store.write() as session:
        session.get_one(Connection, connection_id).poll_due_at = None
    return connection_id


def open_thread(server: Server, allow: frozenset[str]) -> tuple[str, str]:
    """Posts the first message. Gives the thread's id and address. Raises TrialError."""
    url = str(server.given["url"])
    with httpx_client(url, allow, _headers(server)) as client:
        path, body = _first_message(server)
        try:
            answer = call(client, client.build_request("POST", path, json=body))
        except httpx.HTTPError as error:
            raise TrialError(f"{url} did not take the first message: {type(error).__name__}.") from error
    if answer.status_code >= 300:
        raise TrialError(f"{url} refused the first message ({answer.status_code}): {answer.text[:300]}")
    made = answer.json()
    if server.connector == "discourse":
        return str(made["topic_id"]), f"{url}/t/-/{made['topic_id']}"
    return str(made["id"]), str(made.get("url") or made["id"])


def _headers(server: Server) -> dict[str, str]:
    if server.connector == "discourse":
        return {"Api-Key": str(server.given["api_key"]), "Api-Username": str(server.given["api_username"])}
    return {"Authorization": f"Bearer {server.given['token']}"}


def _first_message(server: Server) -> tuple[str, dict[str, Any]]:
    if server.connector == "discourse":
        category = {} if server.category is None else {"category": server.category}
        return "/posts.json", {"title": TITLE, "raw": OPENING, **category}
    return "/api/v1/statuses", {"status": OPENING, "visibility": "unlisted", "language": "en"}


def _read_thread(deps: Deps, connection_id: int, thread_id: str) -> None:
    """Reads the thread into a case. The trial plays both parts: who asks there is the account that answers."""
    with deps.store.read() as session:
        platform = open_session(deps, opened(deps, session, connection_id))
    assert platform is not None
    with closing(platform):
        page = platform.fetch_thread(thread_id)
    with deps.store.write() as session:
        inbox.store(session, connection_id, "look", page.deliveries, deps.now())
    while intake.process_deliveries(deps):
        pass
    with deps.store.write() as session:
        session.execute(update(Author).values(role=str(AuthorRole.CUSTOMER)))
    triage.triage_due(deps)
    with deps.store.read() as session:
        if session.scalar(select(func.count(Case.id))) != 1:
            raise TrialError("The thread that was posted could not be read again.")


def _said(deps: Deps, connection_id: int, thread_id: str) -> list[tuple[str, str]]:
    """What the server shows in the thread, by the connector's own reading of it."""
    with deps.store.read() as session:
        connection = opened(deps, session, connection_id)
    platform = open_session(deps, connection)
    assert platform is not None
    with closing(platform):
        page = platform.fetch_thread(thread_id)
    connector: Connector = connection.connector
    events = [event for d in page.deliveries for event in connector.parse(d, connection.settings).events]
    return list({e.remote_id: (e.remote_id, e.text) for e in events if isinstance(e, MessageSeen)}.values())
