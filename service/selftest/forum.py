"""The forum of a trial: the sandbox in a process of its own, connected with a webhook secret."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from service.selftest.place import Place, throw_away
from service.selftest.sandboxes import sandbox, told_by
from service.selftest.signing import Forum
from service.usecases.connections import connect

NAME = "trial-forum"
ARCHIVE = "trial-archive"
_ACTOR = "selftest"


@contextmanager
def forum_place() -> Iterator[tuple[Place, Forum, int]]:
    """A throw-away place with the sandbox's forum connected; gives the connection's number, too."""
    with sandbox("service.sandbox") as process:
        told = told_by(process)
        given = told["discourse"]
        wanted = {n: given[n] for n in ("url", "api_key", "api_username", "webhook_secret")}
        with throw_away((told["url"].removeprefix("http://"),)) as place:
            number, _check = connect(place.deps, "discourse", NAME, wanted, _ACTOR)
            yield place, Forum(given["url"], given["webhook_secret"], f"/webhooks/{NAME}"), number


def connect_archive(place: Place) -> int:
    """An archive connection; gives its number."""
    return connect(place.deps, "archive", ARCHIVE, {}, _ACTOR)[0]
