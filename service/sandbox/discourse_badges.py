"""The Discourse API, badges: which there are, and who has which."""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from flask import jsonify
from flask.typing import ResponseReturnValue

from service.sandbox.discourse import actor, admin, api, forum
from service.sandbox.ids import iso
from service.sandbox.refusal import Refusal, forbidden, not_found
from service.sandbox.requests import number, params, text, truth, world
from service.sandbox.world import World


@dataclass(slots=True)
class Badge:
    id: int
    name: str
    badge_type_id: int = 3
    system: bool = False
    allow_title: bool = False
    enabled: bool = True


@dataclass(slots=True)
class Badges:
    """`held` is (username, badge) by the number of the giving."""

    known: dict[int, Badge] = field(default_factory=lambda: {1: Badge(1, "Basic", system=True)})
    held: dict[int, tuple[str, int]] = field(default_factory=dict)
    given: int = 0


_BADGES: WeakKeyDictionary[World, Badges] = WeakKeyDictionary()


def badges_of(world: World) -> Badges:
    """The badges that belong to a world; the forum's own at first."""
    return _BADGES.setdefault(world, Badges())


@api.get("/admin/badges.json")
def list_badges() -> ResponseReturnValue:
    admin()
    return jsonify(badges=[_shape(one) for one in badges_of(world()).known.values()], badge_types=[])


@api.post("/admin/badges.json")
def make_badge() -> ResponseReturnValue:
    admin()
    known, asked = badges_of(world()).known, params()
    name = text(asked, "name").strip()
    if not name or name.lower() in {one.name.lower() for one in known.values()}:
        raise Refusal(422, "Name has already been taken" if name else "Name can't be blank")
    made = Badge(max(99, *known) + 1, name, number(asked, "badge_type_id", 3), allow_title=truth(asked, "allow_title"))
    known[made.id] = made
    return jsonify(badge=_shape(made), badge_types=[])


@api.get("/user-badges/<username>.json")
def badges_of_user(username: str) -> ResponseReturnValue:
    mine, known = forum().user(username), badges_of(world())
    rows = [(i, badge) for i, (name, badge) in known.held.items() if name == mine.username]
    given = [_given(i, badge) for i, badge in rows]
    return jsonify(user_badges=given, badges=[_shape(known.known[badge]) for _, badge in rows])


@api.post("/user_badges.json")
def give_badge() -> ResponseReturnValue:
    if not actor().staff:
        raise forbidden()
    asked, known = params(), badges_of(world())
    badge, person = known.known.get(number(asked, "badge_id")), forum().user(text(asked, "username"))
    if badge is None:
        raise not_found()
    if badge.system:
        raise forbidden()
    pair = (person.username, badge.id)
    found = next((i for i, held in known.held.items() if held == pair), None)
    if found is None:
        known.given += 1
        found = known.given
        known.held[found] = pair
    return jsonify(user_badge=_given(found, badge.id), badges=[_shape(badge)])


@api.delete("/user_badges/<int:given_id>.json")
def take_badge(given_id: int) -> ResponseReturnValue:
    if not actor().staff:
        raise forbidden()
    if badges_of(world()).held.pop(given_id, None) is None:
        raise not_found()
    return jsonify(success="OK")


def _given(given_id: int, badge_id: int) -> dict[str, object]:
    return {"id": given_id, "badge_id": badge_id, "granted_at": iso(world().now()), "granted_by_id": actor().id}


def _shape(badge: Badge) -> dict[str, object]:
    return {
        "id": badge.id,
        "name": badge.name,
        "badge_type_id": badge.badge_type_id,
        "system": badge.system,
        "allow_title": badge.allow_title,
        "enabled": badge.enabled,
        "multiple_grant": False,
        "manually_grantable": not badge.system,
        "query": None,
    }
