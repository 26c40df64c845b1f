"""The forum of a trial: the sandbox in a process of its own, connected with a webhook secret."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from service.selftest.place import Place, TrialError, throw_away
from service.selftest.signing import Forum
from service.usecases.connections import connect

STOP_SECONDS = 5.0
NAME = "trial-forum"
ARCHIVE = "trial-archive"
_ACTOR = "selftest"


@contextmanager
def forum_place() -> Iterator[tuple[Place, Forum, int]]:
    """A throw-away place with the sandbox's forum connected; gives the connection's number, too."""
    with _sandbox() as told, throw_away((told["url"].removeprefix("http://"),)) as place:
        given = told["discourse"]
        wanted = {n: given[n] for n in ("url", "api_key", "api_username", "webhook_secret")}
        number, _check = connect(place.deps, "discourse", NAME, wanted, _ACTOR)
        yield place, Forum(given["url"], given["webhook_secret"], f"/webhooks/{NAME}"), number


def connect_archive(place: Place) -> int:
    """An archive connection; gives its number."""
    return connect(place.deps, "archive", ARCHIVE, {}, _ACTOR)[0]


@contextmanager
def _sandbox() -> Iterator[Any]:
    """What the sandbox says of itself when it listens."""
    process = subprocess.Popen([sys.executable, "-m", "service.sandbox"], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise TrialError("The sandbox did not start. Try: tenth sandbox")
        yield json.loads(line)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
