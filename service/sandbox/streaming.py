"""Streaming over server-sent events, as Mastodon does it: what concerns one account, and heartbeats in between."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, g, request
from flask.typing import ResponseReturnValue
from urllib3.util.wait import wait_for_read

from service.sandbox.fediverse import Account, Notification, Status
from service.sandbox.gate import Gate, Headers
from service.sandbox.mastodon import admit, need, refuse
from service.sandbox.mastodon_shapes import Shapes
from service.sandbox.refusal import Refusal
from service.sandbox.requests import world
from service.sandbox.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PATH = "/api/v1/streaming/user"
#: How soon a thread notices that its client left or that the server closes.
LOOK_SECONDS = 0.2
#: Events that wait for a slow client; more are dropped, as nobody is owed a stream.
WAITING = 1000
_AUDIENCE = "sandbox.audience"

api = Blueprint("mastodon_streaming", __name__)
api.register_error_handler(Refusal, refuse)


@api.before_request
def only_if_on() -> None:
    if not world().options.streaming:
        abort(404)


@api.get("/api/v1/streaming/health")
def health() -> ResponseReturnValue:
    return Response("OK", mimetype="text/plain")


@api.get(PATH)
def user() -> ResponseReturnValue:
    """Says only whether the stream may begin; the gate sends it, outside the world's lock."""
    if (refused := admit()) is not None:
        return refused
    need("read:statuses")
    request.environ[_AUDIENCE].append(g.viewer)
    return Response(mimetype="text/event-stream", headers={"Cache-Control": "private, no-store"})


class StreamingGate(Gate):
    """Lets the answer to a listener go on; every other answer is as the Gate makes it."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            return super().__call__(environ, start_response)
        audience: list[Account] = []
        said: list[tuple[str, Headers]] = []

        def note(status: str, headers: Headers, *_: Any) -> Callable[[bytes], object]:
            said.append((status, headers))
            return lambda _: None

        body = super().__call__(environ | {_AUDIENCE: audience}, note)
        status, headers = said[-1]
        if not audience or not dict(headers).get("Content-Type", "").startswith("text/event-stream"):
            start_response(status, headers)
            return body
        start_response(status, [(name, value) for name, value in headers if name.lower() != "content-length"])
        connection = environ.get("werkzeug.socket")
        return Listener(self.world, audience[0]).frames(self.closing, lambda: _has_left(connection))


class Listener:
    """One open stream."""

    def __init__(self, world: World, viewer: Account) -> None:
        self._world = world
        self._viewer = viewer
        self._waiting: Queue[bytes] = Queue(WAITING)

    def frames(self, closing: Event, has_left: Callable[[], bool]) -> Iterator[bytes]:
        watchers = self._world.fedi.watchers
        with self._world.lock:
            watchers.append(self.hear)
        try:
            yield b":)\n"
            beats = time.monotonic()
            while not closing.is_set() and not has_left():
                if (frame := self._next()) is not None:
                    yield frame
                if time.monotonic() - beats >= self._world.options.streaming_heartbeat_seconds:
                    beats = time.monotonic()
                    yield b":thump\n"
        finally:
            with self._world.lock:
                watchers.remove(self.hear)

    def hear(self, event: str, record: Status | Notification) -> None:
        """Called under the world's lock."""
        data = self._told(event, record)
        if data is None:
            return
        try:
            self._waiting.put_nowait(f"event: {event}\ndata: {data}\n\n".encode())
        except Full:
            return

    def _told(self, event: str, record: Status | Notification) -> str | None:
        """What this account is told: its notifications, and what is in its home timeline."""
        show, me = Shapes(self._world, self._viewer), self._viewer
        if isinstance(record, Notification):
            mine = record.owner_id == me.id and not record.filtered
            return json.dumps(show.notification(record)) if mine else None
        at_home = record.account_id in me.following | {me.id} and self._world.fedi.sees(me, record)
        if not at_home:
            return None
        return record.id if event == "delete" else json.dumps(show.status(record))

    def _next(self) -> bytes | None:
        try:
            return self._waiting.get(timeout=LOOK_SECONDS)
        except Empty:
            return None


def _has_left(connection: socket.socket | None) -> bool:
    """Whether the client hung up: it says nothing more in a stream, so all that can be read is the end."""
    if connection is None:
        return False
    try:
        return wait_for_read(connection, 0) and not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
