"""`python -m service.sandbox --port N --seed N`: one line of JSON when it listens, then it serves until told to end."""

from __future__ import annotations

import argparse
import json
import os
import signal
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Event, Thread

from flask import Flask

from service.sandbox.options import CLIENT_ID, CLIENT_SECRET, Options
from service.sandbox.server import create_sandbox, listen, stop, world_of
from service.sandbox.world import World
from service.sandbox.writer import build_story


def announcement(world: World) -> dict[str, object]:
    """All that a client needs to connect. These credentials open nothing but this sandbox."""
    options = world.options
    return {
        "url": world.base_url,
        "pid": os.getpid(),
        "discourse": {
            "url": world.base_url,
            "api_key": options.api_key,
            "api_username": world.story.brand,
            "webhook_secret": options.webhook_secret,
            "connect_secret": options.connect_secret,
        },
        "mastodon": {
            "url": world.base_url,
            "token": options.access_token,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
        },
        "nodebb": {"url": f"{world.base_url}/nodebb", "token": options.nodebb_token},
        "lemmy": {"url": f"{world.base_url}/lemmy", "token": options.lemmy_token},
    }


def serve(make: Callable[[], Flask], host: str = "127.0.0.1", port: int = 0) -> int:
    """Serves what `make` gives, announced by one line of JSON, until told to end or until the parent is gone."""
    ended, parent = Event(), os.getppid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    app = make()
    server = listen(app, host, port)
    Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps(announcement(world_of(app))), flush=True)
    while not ended.wait(0.5):
        if os.getppid() != parent:  # it is gone, and this process was handed to another
            break
    stop(app, server)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m service.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=10)
    parser.add_argument("--born", type=datetime.fromisoformat, help="the time the story ends at; now when left out")
    parser.add_argument(
        "--admin-calls",
        type=int,
        default=Options().admin_calls_per_minute,
        help="calls a minute that the forum's owner allows",
    )
    given = parser.parse_args(arguments)

    def make() -> Flask:
        story = build_story(given.born or datetime.now(UTC), seed=given.seed)
        return create_sandbox(story, options=Options(admin_calls_per_minute=given.admin_calls))

    return serve(make, given.host, given.port)


if __name__ == "__main__":
    raise SystemExit(main())
