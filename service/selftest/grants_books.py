"""A forum's own books in a trial of grants: every change of what stands there, who may what, by whom, when.

What is written is what became different between the start and the end of a request, whatever the request said of
itself: a call whose answer got lost, one that came late, and one that nobody here knows of are all in the books.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, jsonify, request
from flask.typing import ResponseReturnValue

from service.sandbox.forum import Forum
from service.sandbox.gate import Gate
from service.sandbox.requests import world
from service.sandbox.server import world_of
from service.sandbox.streaming import StreamingGate
from service.sandbox.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

EFFECTS, RIGHTS = "/_trial/effects", "/_trial/rights"
_ARRIVED = "trial.arrived"
_BOOKS = "trial_books"
#: What no permissions at all mean; a forum writes it either way.
_EVERYBODY = {"everyone": 1}
#: What is so: a word for it, what it is about, and where or what else it says.
Fact = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Effect:
    """A fact that a request made true, or (`made` False) ended. `by`: the account; "" is nobody who signed in.

    `arrived`: when the request came; an effect can come later. Both by the trial's clock.
    """

    arrived: datetime
    at: datetime
    by: str
    made: bool
    what: str
    subject: str
    place: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"arrived": self.arrived.isoformat(), "at": self.at.isoformat()}

    @classmethod
    def of_json(cls, given: dict[str, Any]) -> Effect:
        """The opposite of `to_json`."""
        return cls(**given | {name: datetime.fromisoformat(given[name]) for name in ("arrived", "at")})


def keep_books(app: Flask) -> None:
    """From now on a sandbox writes its books, and shows them on loopback."""
    here, gate = world_of(app), app.wsgi_app
    assert isinstance(gate, Gate)
    books = Books(gate.inner, here)
    app.extensions[_BOOKS] = books
    app.register_blueprint(_api(books))
    app.wsgi_app = _Stamping(books, here)  # type: ignore[method-assign]


class Books:
    """Around the application, under the world's lock."""

    def __init__(self, inner: WSGIApplication, here: World) -> None:
        self._inner, self._world = inner, here
        self.effects: list[Effect] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "GET":
            return self._inner(environ, start_response)
        by, before = _account(self._world, environ), set(facts(self._world))
        answer = list(self._inner(environ, start_response))
        after, now = set(facts(self._world)), self._world.now()
        for made, changed in ((True, after - before), (False, before - after)):
            self.effects += [Effect(environ[_ARRIVED], now, by, made, *fact) for fact in sorted(changed)]
        return answer


class _Stamping(StreamingGate):
    """Notes when a request came, before any fault delays it."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[_ARRIVED] = self.world.now()
        return super().__call__(environ, start_response)


def facts(here: World) -> Iterator[Fact]:
    """All that an act of moderation, or a right, can change on the forum. Words that people write are left out."""
    yield from _of_posts(here.forum)
    yield from _of_topics(here.forum)
    yield from _of_people(here.forum)
    for category in here.forum.categories.values():
        open_to = category.permissions or _EVERYBODY
        yield "permissions", str(category.id), str(sorted(open_to.items()))
        for group_id in category.moderating_group_ids:
            group = here.forum.groups.get(group_id)
            yield "moderated", str(category.id), group.name if group is not None else "?"


def _of_posts(forum: Forum) -> Iterator[Fact]:
    for post in forum.posts.values():
        if post.deleted_at is not None or post.hidden:
            yield "hidden", str(post.id), str(forum.topics[post.topic_id].category_id)
        if post.locked:
            yield "frozen", str(post.id), str(forum.topics[post.topic_id].category_id)


def _of_topics(forum: Forum) -> Iterator[Fact]:
    for topic in forum.topics.values():
        if topic.archetype == "private_message":
            continue
        yield "in", f"topic {topic.id}", str(topic.category_id)
        for name in ("closed", "archived", "pinned"):
            if getattr(topic, name):
                yield name, f"topic {topic.id}", str(topic.category_id)
        if topic.accepted_post_id is not None:
            yield "answer", str(topic.accepted_post_id), str(topic.category_id)


def _of_people(forum: Forum) -> Iterator[Fact]:
    for user in forum.users.values():
        standing = f"{user.trust_level} {user.admin} {user.moderator} {user.silenced_till} {user.suspended_till}"
        yield "standing", user.username, standing
    for group in forum.groups.values():
        yield "group", group.name, ""
        for name in group.members:
            yield "member", name, group.name


def rights(here: World) -> list[tuple[str, str]]:
    """(account, category) of whoever may moderate there by the forum's own rule, and is not of its staff."""
    forum = here.forum
    people = [user for user in forum.users.values() if not user.staff]
    return [(user.username, str(at)) for at in forum.categories for user in people if forum.moderates(user, at)]


def _account(here: World, environ: WSGIEnvironment) -> str:
    key = here.access.user_keys.get(environ.get("HTTP_USER_API_KEY", ""))
    return key.username if key is not None else str(environ.get("HTTP_API_USERNAME", ""))


def _api(books: Books) -> Blueprint:
    api = Blueprint(_BOOKS, __name__)

    @api.get(EFFECTS)
    def effects() -> ResponseReturnValue:
        since = int(request.args.get("since", 0))
        return jsonify([effect.to_json() for effect in books.effects[since:]])

    @api.get(RIGHTS)
    def held() -> ResponseReturnValue:
        return jsonify(rights(world()))

    return api
