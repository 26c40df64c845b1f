"""The sandbox as an application, and as a server of its own on a loopback port."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from service.sandbox import (
    control,
    discourse,
    discourse_admin,
    discourse_badges,
    discourse_connect,
    discourse_keys,
    discourse_review,
    discourse_write,
    lemmy,
    lemmy_private,
    lemmy_write,
    mastodon,
    mastodon_write,
    media_discourse,
    media_mastodon,
    nodebb,
    nodebb_chat,
    nodebb_people,
    nodebb_write,
    oauth,
    pages,
    streaming,
)
from service.sandbox.gate import Gate
from service.sandbox.options import Options
from service.sandbox.requests import EXTENSION
from service.sandbox.story import Story
from service.sandbox.world import Clock, World

MASTODON_PATHS = ("/api/", "/oauth/", "/.well-known/", "/nodeinfo/")
BLUEPRINTS = (
    pages.api,
    discourse.api,
    discourse_connect.api,
    discourse_keys.api,
    mastodon.api,
    oauth.api,
    streaming.api,
    control.api,
    lemmy.api,
    nodebb.api,
)
# These hang their views on the blueprints of the reading modules: to be imported is all they have to do.
WRITERS = (
    discourse_admin,
    discourse_badges,
    discourse_review,
    discourse_write,
    mastodon_write,
    media_discourse,
    media_mastodon,
    lemmy_private,
    lemmy_write,
    nodebb_chat,
    nodebb_people,
    nodebb_write,
)


def create_sandbox(story: Story, *, options: Options | None = None, now: Clock | None = None) -> Flask:
    app = Flask(__name__, static_folder=None)
    world = World(story, options, now)
    app.extensions[EXTENSION] = world
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, unknown_path)
    app.wsgi_app = streaming.StreamingGate(app.wsgi_app, world)  # type: ignore[method-assign]
    return app


def unknown_path(error: HTTPException) -> ResponseReturnValue:
    """What no view answers, in the words of the platform that the path belongs to."""
    status = error.code or 500
    if request.path.startswith(f"{nodebb.api.url_prefix}/"):
        return nodebb.unknown_path(error)
    if request.path.startswith(MASTODON_PATHS):
        return jsonify(error=error.name), status
    if status == 404:
        message = "The requested URL or resource could not be found."
        return jsonify(errors=[message], error_type="not_found"), status
    return jsonify(errors=[error.name], error_type="invalid_request"), status


class _Handler(WSGIRequestHandler):
    """Connections stay open between requests; nothing is written to the terminal."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Quiet: a first run would otherwise drown its own output."""


def world_of(app: Flask) -> World:
    world: World = app.extensions[EXTENSION]
    return world


def listen(app: Flask, host: str = "127.0.0.1", port: int = 0) -> BaseWSGIServer:
    """Bind without serving yet; port 0 takes a free one. The world learns its own address."""
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"the sandbox listens on loopback only, not on {host}")
    server = make_server(host, port, app, threaded=True, request_handler=_Handler)
    world_of(app).base_url = f"http://{host}:{server.server_port}"
    return server


@contextmanager
def serving(app: Flask, port: int = 0) -> Iterator[World]:
    """The server in a thread of this process, for as long as the block lasts."""
    server = listen(app, port=port)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox", daemon=True)
    thread.start()
    try:
        yield world_of(app)
    finally:
        stop(app, server)
        thread.join(timeout=5)


def stop(app: Flask, server: BaseWSGIServer) -> None:
    if isinstance(gate := app.wsgi_app, Gate):
        gate.closing.set()
    world_of(app).webhooks.stop()
    server.shutdown()
    server.server_close()
